from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.functions.guest import frames
from skerry.functions.guest.frames import Frame, Reader, WireError


def feed(data: bytes, size: int) -> Callable[[int], bytes]:
    """A receive function that hands out at most `size` bytes at once."""
    left = bytearray(data)

    def receive(most: int) -> bytes:
        out = bytes(left[: min(size, most)])
        del left[: len(out)]
        return out

    return receive


def test_the_bytes_of_the_wire_do_not_move() -> None:
    assert frames.encode(5, 0x0102030405060708, b"{}") == (
        b"\x02\x00\x00\x00\x05\x00\x01\x00\x08\x07\x06\x05\x04\x03\x02\x01{}"
    )
    assert frames.encode_invoke(1, b"C", b"EE")[16:] == b"\x01\x00\x00\x00CEE"


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 2**64 - 1), st.binary(max_size=200)), max_size=5
    ),
    st.integers(1, 300),
)
def test_what_is_written_is_read_however_it_is_cut(
    rows: list[tuple[int, int, bytes]], size: int
) -> None:
    reader = Reader(feed(b"".join(frames.encode(*row) for row in rows), size))
    assert [reader.read() for _ in rows] == [Frame(*row) for row in rows]
    assert reader.read() is None
    assert not reader.holds_bytes()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\0" * 5, "end inside a header"),
        (frames.encode(1, 0, b"abc")[:-1], "end inside a frame"),
        (b"\0\0\0\0\1\0\2\0" + b"\0" * 8, "wire version 2"),
        (b"\1\0\x80\0\1\0\1\0" + b"\0" * 8, "8388608 are the most"),
    ],
)
def test_bytes_that_are_no_frame(data: bytes, says: str) -> None:
    with pytest.raises(WireError, match=says):
        Reader(feed(data, 100)).read()


@pytest.mark.parametrize("payload", [b"", b"\1\0\0", b"\5\0\0\0abc"])
def test_an_invoke_that_lies(payload: bytes) -> None:
    with pytest.raises(WireError):
        frames.split_invoke(payload)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_invoke_splits_as_it_was_joined(context: bytes, event: bytes) -> None:
    payload = frames.encode_invoke(1, context, event)[frames.HEADER_BYTES :]
    assert frames.split_invoke(payload) == (context, event)
