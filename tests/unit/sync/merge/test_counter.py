"""Counters are exact: every increment once, minus what somebody has seen and taken away."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from skerry.sync.clock import ZERO, Stamp, stamp_of
from skerry.sync.merge.counter import Counter, Slot, grow, join, sum_of, take

A, B = b"a" * 8, b"b" * 8


def at(tick: int, node: bytes = A) -> Stamp:
    return stamp_of(tick << 16, node)


def test_a_later_increment_stands_for_the_earlier_ones() -> None:
    counter = Counter()
    grow(counter, A, Slot(at(1), at(3), 7))
    grow(counter, A, Slot(at(1), at(2), 5))  # late
    grow(counter, B, Slot(at(2, B), at(2, B), 10))
    assert sum_of(counter, ZERO) == 17


def test_what_was_seen_goes_and_what_was_not_stays() -> None:
    counter = Counter()
    grow(counter, A, Slot(at(1), at(3), 7))
    take(counter, A, at(2), 5)
    assert sum_of(counter, ZERO) == 2
    take(counter, A, at(3), 7)
    assert counter == Counter({}, {A: (at(3), 7)})


def test_what_is_taken_before_it_comes_does_not_count() -> None:
    counter = Counter()
    take(counter, A, at(3), 7)
    grow(counter, A, Slot(at(1), at(2), 5))
    assert sum_of(counter, ZERO) == 0
    grow(counter, A, Slot(at(1), at(4), 8))
    assert sum_of(counter, ZERO) == 1


def test_a_run_that_begins_later_owes_nothing_to_what_was_taken() -> None:
    counter = Counter()
    take(counter, A, at(3), 7)
    grow(counter, A, Slot(at(5), at(6), 2))
    assert sum_of(counter, ZERO) == 2


def test_an_expiry_ends_what_has_not_grown_since() -> None:
    counter = Counter()
    grow(counter, A, Slot(at(1), at(3), 7))
    grow(counter, B, Slot(at(1, B), at(9, B), 1))
    assert sum_of(counter, at(5)) == 1


EVENTS = st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.booleans()), max_size=12)


@given(EVENTS, st.integers(0, 2**32))
def test_copies_join_to_the_same(events: list[tuple[bool, int, bool]], seed: int) -> None:
    chance = random.Random(seed)
    whole, parts = Counter(), [Counter(), Counter(), Counter()]
    totals = {A: 0, B: 0}
    for tick, (first, delta, seen) in enumerate(events, 1):
        node = A if first else B
        totals[node] += delta
        for counter in [whole, *chance.choices(parts, k=2)]:
            grow(counter, node, Slot(at(1, node), at(tick, node), totals[node]))
        if seen:
            for counter in (whole, chance.choice(parts)):
                take(counter, node, at(tick, node), totals[node])
    chance.shuffle(parts)
    join(parts[0], parts[1])
    join(parts[2], parts[0])
    join(parts[2], parts[1])
    join(whole, parts[0])
    join(parts[2], whole)
    assert parts[2] == whole
