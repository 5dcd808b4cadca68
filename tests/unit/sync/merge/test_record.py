"""The merge laws: any order, any number of times, any grouping; and what comes out is what was written."""

from __future__ import annotations

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.base.errors import UpstreamError
from skerry.sync.change import Assign, Change, Delete, Later, Put, Unset
from skerry.sync.clock import Stamp, stamp_of
from skerry.sync.merge import record as records
from skerry.sync.merge.record import Record, Register, apply, join
from skerry.sync.merge.view import view
from tests.support import histories
from tests.support.histories import STEPS, Step

CHANCE = st.integers(0, 2**32).map(random.Random)


def folded(changes: list[Change]) -> Record:
    record = Record()
    for change in changes:
        apply(record, change)
    return record


def at(tick: int, node: int = 1) -> Stamp:
    return stamp_of(tick << 16, bytes([node]) * 8)


def made(tick: int, *operations: Put | Delete | Assign | Unset, node: int = 1) -> Change:
    return Change(at(tick, node), "s", "k", list(operations))


@given(STEPS, CHANCE)
def test_any_order_and_any_number_of_times(steps: list[Step], chance: random.Random) -> None:
    changes = histories.changes(steps)
    again = [*changes, *(change for change in changes if chance.random() < 0.5)]
    chance.shuffle(again)
    assert folded(again) == folded(changes)


@given(STEPS, CHANCE)
def test_any_grouping(steps: list[Step], chance: random.Random) -> None:
    changes = histories.changes(steps)
    parts = [folded([c for c in changes if chance.random() < 0.6]) for _ in range(3)]
    parts.append(folded(changes))
    chance.shuffle(parts)
    while len(parts) > 1:
        other = parts.pop(chance.randrange(len(parts)))
        join(chance.choice(parts), other)
    assert parts[0] == folded(changes)


@given(STEPS, STEPS)
def test_join_is_commutative_and_idempotent(one: list[Step], two: list[Step]) -> None:
    left, right = histories.changes(one), histories.changes(two, start_ms=1_000_005)
    a, b = folded(left), folded(right)
    join(a, folded(right))
    join(b, folded(left))
    assert a == b
    before = records.encode(a)
    join(a, b)
    join(a, folded(left))
    assert records.encode(a) == before


@given(STEPS, st.integers(0, 600_000))
def test_what_is_shown_is_what_was_written(steps: list[Step], passed_ms: int) -> None:
    changes = histories.changes(steps)
    now_ms = 1_000_000 + passed_ms
    shown = view(folded(changes), now_ms)
    assert (None if shown is None else shown.value) == histories.fold(changes, now_ms)


@given(STEPS)
def test_bytes_and_back(steps: list[Step]) -> None:
    record = folded(histories.changes(steps))
    assert records.decode(records.encode(record)) == record


def test_an_edit_after_a_delete_revives_and_one_before_does_not() -> None:
    early, late = made(1, Assign(("a",), 1)), made(3, Assign(("b",), 2), node=2)
    shown = view(folded([made(2, Delete()), late, early]), 0)
    assert shown is not None
    assert shown.value == {"b": 2}


def test_what_replaced_cannot_be_seen_again_is_not_kept() -> None:
    record = folded([made(1, Assign(("a", "x"), 1)), made(2, Assign(("a",), {})), made(3, Put(0))])
    assert record == Record(at(3), 0, True)


def test_a_nested_field_makes_way_for_its_parent_and_comes_after_it() -> None:
    record = folded([made(2, Assign(("a",), 5)), made(3, Assign(("a", "x"), 1)), made(1, Put({}))])
    assert record.fields == {("a",): Register(at(2), 5), ("a", "x"): Register(at(3), 1)}
    shown = view(record, 0)
    assert shown is not None
    assert shown.value == {"a": {"x": 1}}


def test_one_stamp_for_two_values_ends_the_same_everywhere() -> None:
    one, two = made(1, Put({"a": 1})), made(1, Put({"a": 2}))
    assert folded([one, two]) == folded([two, one])
    one, two = made(1, Assign(("a",), 1)), made(1, Unset(("a",)))
    assert folded([one, two]) == folded([two, one])


def test_an_operation_of_tomorrow_is_kept_and_taken_in_once_it_is_known() -> None:
    # as an older version has stored it, which did not know assignments
    assignment = msgspec.msgpack.encode(Assign(("a",), 1))
    old = folded([made(1, Put({})), Change(at(2), "s", "k", [Later(assignment)])])
    joined = Record()
    join(joined, old)
    assert joined.later == {at(2): [assignment]}
    assert view(joined, 0) == view(folded([made(1, Put({}))]), 0)
    shown = view(records.decode(records.encode(joined)), 0)
    assert shown is not None
    assert shown.value == {"a": 1}


def test_an_operation_that_nobody_knows_yet_survives_storing() -> None:
    tomorrow = msgspec.msgpack.encode([99, ["a"], "how?"])
    record = folded([Change(at(2), "s", "k", [Later(tomorrow)])])
    assert records.decode(records.encode(record)) == record


def test_bytes_that_are_no_record_are_refused() -> None:
    with pytest.raises(UpstreamError, match="no record"):
        records.decode(b"\x91\x01")
