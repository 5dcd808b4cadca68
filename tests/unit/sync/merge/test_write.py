"""What a writer puts into its operations: what it has seen, and nothing else."""

from __future__ import annotations

import pytest

from skerry.base.errors import CallerError
from skerry.sync import change as wire
from skerry.sync.change import Add, Change, Exclude, Known, Put, Write
from skerry.sync.clock import Stamp, stamp_of
from skerry.sync.merge import write
from skerry.sync.merge.record import Record, apply

A, B = bytes([1]) * 8, bytes([2]) * 8
N = ("n",)


def at(ms: int, node: bytes = A) -> Stamp:
    return stamp_of(ms << 16, node)


def put_in(record: Record, stamp: Stamp, *operations: Known) -> None:
    apply(record, Change(stamp, "s", "k", list(operations)))


def test_a_run_goes_on_until_it_was_taken_away() -> None:
    record = Record()
    first = write.add(record, N, 2, at(1))
    put_in(record, at(1), first)
    second = write.add(record, N, 3, at(2))
    put_in(record, at(2), second)
    assert (first, second) == (Add(N, 2, at(1), 2), Add(N, 3, at(1), 5))
    put_in(record, at(3), write.put(record, {}))
    assert write.add(record, N, 4, at(4)) == Add(N, 4, at(4), 4)


def test_a_put_names_the_increments_it_replaces_and_an_assignment_those_at_its_path() -> None:
    record = Record()
    put_in(record, at(1), write.add(record, N, 2, at(1)))
    put_in(record, at(2, B), write.add(record, ("m", "x"), 1, at(2, B)))
    assert write.put(record, 0) == Put(0, None, [
        (("m", "x"), {B: (at(2, B), 1)}), (N, {A: (at(1), 2)})
    ])  # fmt: skip
    assert write.assign(record, N, 0).seen == [(N, {A: (at(1), 2)})]
    assert write.unset(record, ("m",)).seen == [(("m", "x"), {B: (at(2, B), 1)})]
    assert write.delete(record).seen == write.put(record, 0).seen
    assert write.delete(None).seen == []


def test_a_removal_covers_the_additions_it_knows() -> None:
    record = Record()
    put_in(record, at(1), write.include(N, "x"))
    put_in(record, at(2, B), write.include(N, "x"))
    gone = write.exclude(record, N, "x")
    assert gone == Exclude(N, wire.element("x"), {A: at(1), B: at(2, B)})
    assert write.exclude(record, N, "y").covers == {}
    assert write.exclude(None, N, "x").covers == {}


def test_a_version_covers_those_it_knows() -> None:
    record = Record()
    one, two = write.write(record, N, 1), write.write(record, N, 2)
    put_in(record, at(1), one)
    put_in(record, at(2, B), two)
    chosen = write.write(record, N, 3, server=True)
    assert chosen == Write(N, 3, {A: at(1), B: at(2, B)}, True, True)


def test_a_field_has_a_path_of_bounded_length() -> None:
    for path in ((), ("a",) * 17):
        with pytest.raises(CallerError, match="1 to 16 names") as caught:
            write.assign(None, path, 1)
        assert caught.value.code == "sync.bad_path"
    with pytest.raises(CallerError):
        write.write(None, ("a",) * 17, 1)
    with pytest.raises(CallerError):
        write.add(None, (), 1, at(1))
    with pytest.raises(CallerError):
        write.exclude(None, (), 1)


def test_nothing_lives_for_less_than_nothing() -> None:
    assert write.put(None, 1, ttl_ms=0).ttl_ms == 0
    with pytest.raises(CallerError, match="lives for -1 ms"):
        write.put(None, 1, ttl_ms=-1)
