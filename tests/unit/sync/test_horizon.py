"""Deletions are forgotten below a floor, and a copy that has forgotten behaves as one that has not."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from skerry.sync.change import Change, Known, Later
from skerry.sync.clock import ZERO, Stamp, at_ms, millis, stamp_of
from skerry.sync.horizon import TOMBSTONE_MS, floor, is_expired, may_drop, must_bury
from skerry.sync.merge import write
from skerry.sync.merge.record import Record, apply
from skerry.sync.merge.view import view
from skerry.sync.snapshot import rebuild
from tests.support import histories
from tests.support.histories import STEPS, Step

DAY_MS = 86_400_000
NOW_MS = 100 * DAY_MS


def at(ms: int, node: int = 1) -> Stamp:
    return stamp_of(ms << 16, bytes([node]) * 8)


def of(*changes: tuple[int, Known | Later]) -> Record:
    record = Record()
    for ms, operation in changes:
        apply(record, Change(at(ms), "s", "k", [operation]))
    return record


def test_the_floor_is_the_horizon_when_nobody_waits() -> None:
    assert floor(ZERO, NOW_MS, []) == at_ms(NOW_MS - TOMBSTONE_MS)
    assert floor(ZERO, 5, []) == at_ms(0)


def test_the_floor_waits_for_the_slowest_peer_and_never_sinks() -> None:
    waiting = [at(3 * DAY_MS), at(2 * DAY_MS), at(99 * DAY_MS)]
    found = floor(ZERO, NOW_MS, waiting)
    assert at(2 * DAY_MS - 1) < found < at(2 * DAY_MS)
    assert floor(found, NOW_MS, [at(DAY_MS)]) == found
    assert floor(at_ms(NOW_MS), NOW_MS, []) == at_ms(NOW_MS)


def test_a_peer_that_was_silent_for_too_long_is_expired() -> None:
    assert not is_expired(NOW_MS - TOMBSTONE_MS, NOW_MS)
    assert is_expired(NOW_MS - TOMBSTONE_MS - 1, NOW_MS)


def test_what_lives_is_not_dropped() -> None:
    high = at_ms(NOW_MS)
    for record in (
        of((1, write.put(None, 1))),
        of((1, write.delete(None)), (2, write.assign(None, ("a",), 1))),
        of((1, write.delete(None)), (2, write.add(None, ("n",), 1, at(2)))),
        of((1, write.delete(None)), (2, write.include(("t",), 1))),
        of((1, write.delete(None)), (2, write.write(None, ("v",), 1))),
        of((1, write.delete(None)), (2, Later(b"\x91\x63"))),
    ):
        assert not may_drop(record, high, NOW_MS)


def test_what_is_dead_is_dropped_below_the_floor_only() -> None:
    added = of((1, write.include(("t",), 1)), (2, write.write(None, ("v",), 1)))
    apply(added, Change(at(3), "s", "k", [write.add(added, ("n",), 1, at(3))]))
    for record in (
        of((9, write.delete(None))),
        of((1, write.put(None, 1, ttl_ms=8))),
        of((1, write.delete(None)), (9, write.unset(None, ("a",)))),
        rebuild(added, [Change(at(9), "s", "k", [write.delete(added)])]),
        rebuild(Record(), [Change(at(9), "s", "k", [write.write(None, (), None, present=False)])]),
        rebuild(
            of((1, write.include(("t",), 1))),
            [
                Change(
                    at(9),
                    "s",
                    "k",
                    [write.exclude(of((1, write.include(("t",), 1))), ("t",), 1)],
                )
            ],
        ),
    ):
        assert may_drop(record, at_ms(10), NOW_MS)
        if millis(record.stamp) > 1 or not record.present:
            assert not may_drop(record, at_ms(1), NOW_MS)
    assert not may_drop(of((1, write.put(None, 1, ttl_ms=8))), at_ms(8), NOW_MS)


def test_what_has_expired_and_still_counts_is_deleted_first() -> None:
    record = of((1, write.put(None, {}, ttl_ms=5)), (2, write.add(None, ("n",), 1, at(2))))
    assert must_bury(record, NOW_MS)
    assert not must_bury(record, 5)
    assert not may_drop(record, at_ms(NOW_MS), NOW_MS)
    apply(record, Change(at(9), "s", "k", [write.delete(record)]))
    assert not must_bury(record, NOW_MS)
    assert may_drop(record, at_ms(10), NOW_MS)


@given(STEPS, STEPS, st.integers(0, 2**32))
def test_having_forgotten_makes_no_difference(
    early: list[Step], late: list[Step], seed: int
) -> None:
    """Everything up to the floor is applied everywhere, everything later is above it: what a hub sees to."""
    before = histories.changes(early)
    floor_, now_ms = at_ms(3_000_000), 3_000_000
    record = Record()
    for change in before:
        apply(record, change)
    apply(record, Change(at(2_900_000), "s", "k", [write.delete(record)]))
    assert may_drop(record, floor_, now_ms)
    # later changes are made by nodes of which some have forgotten and some have not
    chance, kept, forgot = random.Random(seed), rebuild(record, ()), Record()
    after: list[Change] = []
    for step, (who, action, where, what) in enumerate(late):
        stamp = at(4_000_000 + step, who + 1)
        seen = chance.choice((kept, forgot))
        made = histories.operations(seen, min(action, 8), where, what, stamp)
        after.append(Change(stamp, "s", "k", made))
        for copy in (kept, forgot):
            apply(copy, after[-1])
        one, two = view(kept, 9_000_000), view(forgot, 9_000_000)
        assert (one and one.value) == (two and two.value)
