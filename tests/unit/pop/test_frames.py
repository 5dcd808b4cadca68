"""The wire between control and engine: any split gives the same frames, nonsense ends it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.pop import frames
from skerry.pop.frames import FrameError, Frames, encode

FRAME = st.tuples(
    st.dictionaries(st.text(max_size=8).filter(lambda k: k != "body_bytes"), st.text()), st.binary()
)


@given(st.lists(FRAME, max_size=5), st.lists(st.integers(0, 400)))
def test_any_split_gives_the_same_frames(
    sent: list[tuple[dict[str, object], bytes]], cuts: list[int]
) -> None:
    data = b"".join(encode(head, body) for head, body in sent)
    reader = Frames()
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    found = []
    for begin, end in pairwise(places):
        found += list(reader.feed(data[begin:end]))
    assert [
        ({k: v for k, v in head.items() if k != "body_bytes"}, body) for head, body in found
    ] == sent


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\n",
        b"[1]\n",
        b'{"body_bytes": -1}\n',
        b'{"body_bytes": true}\n',
        b'{"body_bytes": "9"}\n',
        b'{"body_bytes": 99999999999}\n',
        b"x" * frames.LINE_BYTES_MAX,
    ],
)
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        list(Frames().feed(data))
