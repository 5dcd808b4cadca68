"""Changes made while the time was unknown: stamped anew once it is known, in their order, and only they."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from skerry.sync import change as wire
from skerry.sync.change import Assign, Change
from skerry.sync.clock import ZERO, ClockState, HybridClock, Stamp, at_ms, millis, stamp_of
from skerry.sync.drift import DRIFT_MS_MAX, Timeline
from skerry.sync.settle import Settled, Written, lift, settle

NODE = b"nodeAAAA"
KNOWN_MS = 1_763_000_000_000  # what a hub said last, days ago
NOW_MS = 1_764_000_000_000
HOUR_MS = 3_600_000


def write(clock: HybridClock, boot: bytes, boot_ms: int, wall_ms: int) -> Written:
    change = Change(clock.tick(wall_ms), "s", "k", [Assign(("a",), boot_ms)])
    return Written(wire.encode(change), boot, boot_ms, wall_ms)


def settled(pending: list[Written], boot_ms: int = HOUR_MS, after: Stamp = ZERO) -> Settled:
    """In boot `now`, which began an hour before NOW_MS, with whatever the wall clock said."""
    timeline = Timeline(b"now", NOW_MS - boot_ms)
    return settle(pending, NODE, timeline, after=after, known_ms=KNOWN_MS)


def times(found: Settled) -> list[int]:
    return [millis(wire.stamp_in(raw)) for raw in found.changes]


def test_a_node_that_woke_up_in_1970_moves_to_when_it_was() -> None:
    clock = HybridClock(NODE)
    pending = [write(clock, b"now", boot_ms, wall_ms=boot_ms) for boot_ms in (1_000, 61_000)]
    found = settled(pending)
    assert times(found) == [NOW_MS - HOUR_MS + 1_000, NOW_MS - HOUR_MS + 61_000]
    assert found.moved == 2
    assert [wire.decode(raw).born for raw in found.changes] == [
        wire.birth(each.raw, wire.decode(each.raw)) for each in pending
    ]


def test_a_clock_that_was_stored_does_not_hide_that_it_is_1970() -> None:
    # stamps stand still at the last known time, and count
    clock = HybridClock(NODE, ClockState(KNOWN_MS << 16, KNOWN_MS << 16))
    pending = [write(clock, b"now", boot_ms, wall_ms=boot_ms) for boot_ms in (1_000, 2_000)]
    assert times(settled(pending)) == [NOW_MS - HOUR_MS + 1_000, NOW_MS - HOUR_MS + 2_000]


def test_a_clock_in_the_future_moves_back() -> None:
    clock = HybridClock(NODE)
    ahead_ms = NOW_MS + 400 * 24 * HOUR_MS
    pending = [write(clock, b"now", 5_000, wall_ms=ahead_ms)]
    found = settled(pending)
    assert times(found) == [NOW_MS - HOUR_MS + 5_000]
    clock.rewind(found.last)
    assert millis(clock.tick(NOW_MS)) == NOW_MS


def test_a_clock_that_is_right_moves_nothing() -> None:
    clock = HybridClock(NODE)
    pending = [
        write(clock, b"before", 9_000, wall_ms=NOW_MS - 5 * HOUR_MS),
        write(clock, b"now", 5_000, wall_ms=NOW_MS - HOUR_MS + 5_000 + DRIFT_MS_MAX),
    ]
    found = settled(pending)
    assert (found.moved, found.changes) == (0, [each.raw for each in pending])


def test_what_was_written_after_the_wall_clock_was_set_stays() -> None:
    clock = HybridClock(NODE)
    pending = [
        write(clock, b"now", 1_000, wall_ms=1_000),
        write(clock, b"now", 9_000, wall_ms=NOW_MS - HOUR_MS + 9_000),
    ]
    found = settled(pending)
    assert times(found) == [NOW_MS - HOUR_MS + 1_000, NOW_MS - HOUR_MS + 9_000]
    assert found.moved == 1


def test_earlier_boots_in_1970_end_where_the_next_one_begins() -> None:
    clock = HybridClock(NODE)
    pending = [
        write(clock, b"one", 1_000, wall_ms=1_000),
        write(clock, b"one", 4_000, wall_ms=4_000),
        write(clock, b"two", 2_000, wall_ms=2_000),
        write(clock, b"now", 7_000, wall_ms=7_000),
    ]
    start_ms = NOW_MS - HOUR_MS
    assert times(settled(pending)) == [
        start_ms - 5_000,
        start_ms - 2_000,
        start_ms,
        start_ms + 7_000,
    ]


def test_an_earlier_boot_from_the_future_cannot_have_been_later_than_this_one() -> None:
    clock = HybridClock(NODE)
    pending = [write(clock, b"one", 1_000, wall_ms=NOW_MS + 9 * HOUR_MS)]
    assert times(settled(pending)) == [NOW_MS - HOUR_MS]


def test_nothing_comes_to_lie_below_what_is_settled() -> None:
    clock = HybridClock(NODE)
    after = stamp_of((NOW_MS + 5) << 16, NODE)
    found = settled([write(clock, b"now", HOUR_MS, wall_ms=NOW_MS)], after=after)
    assert found.moved == 1
    assert wire.stamp_in(found.changes[0]) > after


def test_nothing_comes_to_lie_below_what_its_writer_had_seen() -> None:
    clock = HybridClock(NODE)
    heard = stamp_of(
        (NOW_MS - HOUR_MS + 30_000) << 16, b"somebody"
    )  # a peer's clock is a little ahead
    clock.observe(heard)
    pending = [write(clock, b"now", 5_000, wall_ms=NOW_MS + 9 * HOUR_MS)]
    found = settled(pending, after=stamp_of(clock.heard, NODE))
    assert wire.stamp_in(found.changes[0]) > heard


def test_what_was_refused_moves_as_little_as_may_be() -> None:
    floor = at_ms(NOW_MS - 1_000)
    stamps = [stamp_of(ms << 16, NODE) for ms in (5, 6, NOW_MS - 500, NOW_MS, 2 * NOW_MS)]
    raws = [wire.encode(Change(stamp, "s", "k", [Assign(("a",), 1)])) for stamp in stamps]
    found = lift(raws, NODE, after=floor, now_ms=NOW_MS)
    lifted = [wire.stamp_in(raw) for raw in found.changes]
    assert all(a < b for a, b in pairwise([floor, *lifted]))
    assert [millis(stamp) for stamp in lifted[:2]] == [NOW_MS - 1_000] * 2
    assert lifted[2:4] == stamps[2:4]
    assert millis(lifted[4]) == NOW_MS
    assert (found.moved, found.last) == (3, (NOW_MS << 16) + 1)
    assert lift(raws[2:4], NODE, after=floor, now_ms=NOW_MS).changes == raws[2:4]


BOOTS = st.lists(
    st.tuples(st.sampled_from([b"one", b"two", b"now"]), st.integers(0, 10**12), st.booleans()),
    max_size=12,
)


@given(BOOTS)
def test_the_order_stays_and_nothing_comes_to_lie_in_the_future(
    events: list[tuple[bytes, int, bool]],
) -> None:
    clock = HybridClock(NODE)
    order = [b"one", b"two", b"now"]
    pending = [
        write(clock, boot, (n + 1) * 1_000, wall_ms=wall_ms if odd else NOW_MS + wall_ms)
        for n, (boot, wall_ms, odd) in enumerate(sorted(events, key=lambda e: order.index(e[0])))
    ]
    found = settled(pending)
    stamps = [wire.stamp_in(raw) for raw in found.changes]
    assert all(a < b for a, b in pairwise(stamps))
    assert all(millis(stamp) <= NOW_MS + DRIFT_MS_MAX for stamp in stamps)
    assert [wire.decode(raw).operations for raw in found.changes] == [
        wire.decode(each.raw).operations for each in pending
    ]
