"""A change's bytes: there and back, stamps at a fixed place, and what newer writers add is kept."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.base.errors import CallerError, UpstreamError
from skerry.sync import change as wire
from skerry.sync.change import Add, Assign, Change, Delete, Later, Put, Write
from tests.support import histories
from tests.support.histories import STEPS, Step

STAMP = bytes(range(16))
TOMORROW = msgspec.msgpack.encode([99, ["a"], {"how": 1}])


def raw_of(*operations: object, tail: tuple[object, ...] = (None,)) -> bytes:
    return msgspec.msgpack.encode([STAMP, "s", "k", list(operations), *tail])


@given(STEPS)
def test_there_and_back(steps: list[Step]) -> None:
    for change in histories.changes(steps):
        raw = wire.encode(change)
        assert wire.decode(raw) == change
        assert wire.stamp_in(raw) == change.stamp


@given(st.text(max_size=300), st.text(max_size=300))
def test_the_stamp_lies_at_a_fixed_place(space: str, key: str) -> None:
    many = [Add(("n",), 1, STAMP, n) for n in range(len(space))]
    assert wire.stamp_in(wire.encode(Change(STAMP, space, key, [*many]))) == STAMP


def test_fields_of_a_newer_writer_are_passed_over_and_carried_along() -> None:
    raw = raw_of([0, {"a": 1}, None, [], "new"], [99, ["a"], 7], tail=(None, "newer", 8))
    change = wire.decode(raw)
    assert change.operations[0] == Put({"a": 1})
    assert isinstance(change.operations[1], Later)
    born = wire.birth(raw, change)
    moved = Change(STAMP[::-1], "s", "k", change.operations, born)
    kept = msgspec.msgpack.decode(wire.carry(raw, moved))
    assert kept == [
        STAMP[::-1],
        "s",
        "k",
        [[0, {"a": 1}, None, [], "new"], [99, ["a"], 7]],
        born,
        "newer",
        8,
    ]


def test_an_operation_of_a_newer_writer_is_kept_as_it_came() -> None:
    change = wire.decode(raw_of([1, []], msgspec.Raw(TOMORROW)))
    assert change.operations == [Delete(), Later(TOMORROW)]
    assert wire.decode(wire.encode(change)) == change
    assert "Later(" in repr(change.operations[1])
    assert hash(change.operations[1]) == hash(Later(TOMORROW))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc1",
        msgspec.msgpack.encode({"stamp": 1}),
        msgspec.msgpack.encode([STAMP[1:], "s", "k", []]),
        msgspec.msgpack.encode([STAMP, "s", "k", [[]]]),
        raw_of([-1, 2]),
        raw_of([0, 1, -1]),
        raw_of([True, 2]),
        raw_of([2, [], 1]),
        raw_of([2, ["a"] * 17, 1]),
        raw_of([4, ["n"], "one", STAMP, 1]),
        raw_of([6, ["t"], b"", {b"short": STAMP}]),
        raw_of([1], tail=(b"short",)),
        b"\x91" * 100_000,
    ],
)
def test_bytes_that_are_no_change_are_refused(raw: bytes) -> None:
    with pytest.raises(UpstreamError, match="these bytes are no change") as caught:
        wire.decode(raw)
    assert caught.value.code == "sync.damaged"


@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_a_change_or_a_refusal(raw: bytes) -> None:
    with contextlib.suppress(UpstreamError):  # anything else is red
        assert isinstance(wire.decode(raw), Change)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, object(), {1, object()}, {"a": [object()]}])
def test_a_value_that_has_no_bytes_is_refused_by_name(value: object) -> None:
    with pytest.raises(CallerError, match="s/k: ") as caught:
        wire.encode(Change(STAMP, "s", "k", [Assign(("a",), value)]))
    assert caught.value.code == "sync.bad_value"
    with pytest.raises(CallerError):
        wire.element(value)


def test_a_value_without_an_end_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(CallerError) as caught:
        wire.encode(Change(STAMP, "s", "k", [Put(endless)]))
    assert caught.value.code == "sync.bad_value"


def test_what_is_too_large_is_refused_with_its_size() -> None:
    with pytest.raises(CallerError, match=r"1,048,6\d+ bytes exceed") as caught:
        wire.encode(Change(STAMP, "s", "k", [Put(bytes(wire.CHANGE_BYTES_MAX))]))
    assert caught.value.code == "sync.too_large"


def test_elements_that_are_equal_in_python_are_several() -> None:
    assert len({wire.element(value) for value in (1, 1.0, True, "1", b"1")}) == 5
    assert wire.element({"a": 1, "b": 2}) == wire.element({"b": 2, "a": 1})


def test_the_birth_of_a_change_is_that_of_its_first_bytes() -> None:
    one, two = (Change(STAMP, "s", "k", [Put(value)]) for value in (1, 2))
    births = [wire.birth(wire.encode(change), change) for change in (one, two)]
    assert births[0] != births[1]
    assert [born[:16] for born in births] == [STAMP, STAMP]
    moved = Change(STAMP[::-1], "s", "k", [Put(1)], births[0])
    assert wire.birth(wire.encode(moved), moved) == births[0]


def test_a_version_may_be_the_whole_record() -> None:
    change = Change(STAMP, "s", "k", [Write((), 1, {})])
    assert wire.decode(wire.encode(change)) == change
