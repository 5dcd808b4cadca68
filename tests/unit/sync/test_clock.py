"""Stamps rise, their bytes sort as they do, and no two clocks make the same one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.base.errors import BugError, CallerError
from skerry.sync.clock import (
    MS_MAX,
    STAMP_BYTES,
    ClockState,
    HybridClock,
    at_ms,
    millis,
    node_of,
    parse,
    stamp_of,
    text,
    tick_of,
)

NODE = b"originAB"
MS = st.integers(0, MS_MAX)
# a wall clock that does what it likes, and stamps heard from others in between
EVENTS = st.lists(st.one_of(MS, st.tuples(MS, st.integers(0, 2**16 - 1))), min_size=1, max_size=60)


@given(EVENTS)
def test_stamps_rise_whatever_the_wall_clock_says(events: list[int | tuple[int, int]]) -> None:
    clock = HybridClock(NODE)
    before = b""
    for event in events:
        if isinstance(event, tuple):
            heard = stamp_of((event[0] << 16) + event[1], b"somebody")
            clock.observe(heard)
            before = max(before, heard[:8] + b"\xff" * 8)  # above it by time, not only by name
        else:
            stamp = clock.tick(event)
            assert stamp > before
            assert millis(stamp) >= event
            before = stamp


@given(st.tuples(st.integers(0, 2**64 - 1), st.binary(min_size=8, max_size=8)), st.data())
def test_the_order_of_bytes_is_the_order_of_time_then_node(
    one: tuple[int, bytes], data: st.DataObject
) -> None:
    other = data.draw(st.tuples(st.integers(0, 2**64 - 1), st.binary(min_size=8, max_size=8)))
    assert (stamp_of(*one) < stamp_of(*other)) == (one < other)
    assert (text(stamp_of(*one)) < text(stamp_of(*other))) == (one < other)
    assert len(stamp_of(*one)) == STAMP_BYTES
    assert (tick_of(stamp_of(*one)), node_of(stamp_of(*one))) == one
    assert parse(text(stamp_of(*one))) == stamp_of(*one)


def test_a_full_counter_advances_the_time() -> None:
    clock = HybridClock(NODE, ClockState((1000 << 16) + 2**16 - 1))
    stamp = clock.tick(7)
    assert (millis(stamp), tick_of(stamp) & 0xFFFF) == (1001, 0)


@pytest.mark.parametrize("now_ms", [-1, -(10**30), 10**30])
def test_a_wall_clock_may_say_anything(now_ms: int) -> None:
    clock = HybridClock(NODE)
    first, second = clock.tick(now_ms), clock.tick(now_ms)
    assert first < second
    assert millis(second) <= MS_MAX


def test_a_clock_goes_on_from_what_was_stored() -> None:
    clock = HybridClock(NODE)
    stamp = clock.tick(1_764_000_000_000)
    assert HybridClock(NODE, clock.state).tick(0) > stamp  # it woke up in 1970


@given(st.integers(0, 2**60), st.integers(0, 2**60))
def test_a_clock_is_set_back_only_to_what_nobody_has_heard(heard: int, wanted: int) -> None:
    clock = HybridClock(NODE)
    clock.tick(2**46)
    clock.observe(stamp_of(heard, b"somebody"))
    clock.rewind(wanted)
    assert clock.last == max(heard, wanted)
    assert clock.state == ClockState(clock.last, heard)


def test_a_moment_is_below_all_of_its_stamps_and_above_all_before() -> None:
    assert at_ms(5) < stamp_of(5 << 16, b"\0" * 7 + b"\1")
    assert at_ms(5) > stamp_of((5 << 16) - 1, b"\xff" * 8)


@pytest.mark.parametrize("written", ["", "abc", "0" * 27, "z" * 26, "0" * 25 + "u", "0" * 25 + "ü"])
def test_what_is_no_stamp_is_refused(written: str) -> None:
    with pytest.raises(CallerError, match="is no stamp"):
        parse(written)


def test_nodes_and_ticks_have_their_size() -> None:
    with pytest.raises(BugError):
        HybridClock(b"short")
    with pytest.raises(BugError):
        stamp_of(2**64, NODE)
