"""Counters that several nodes add to at once: exact, however often and in whatever order changes come.

Each node has a slot: what it has added in all since an increment it calls its *run*. So a later increment
of a node stands for its earlier ones. A `put`, `delete` or assignment takes away what its writer had seen,
slot by slot; an increment that it had not seen stays.
"""

from __future__ import annotations

import msgspec

from skerry.sync.clock import Node, Stamp


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """One node's part: `total` added from the increment `run` to the increment `stamp`."""

    run: Stamp
    stamp: Stamp
    total: int


class Counter(msgspec.Struct, array_like=True):
    """`added`: the parts that count. `taken`: of each node the last increment that was taken away."""

    added: dict[Node, Slot] = {}
    taken: dict[Node, tuple[Stamp, int]] = {}


def grow(counter: Counter, node: Node, slot: Slot) -> None:
    """A node's part has become this."""
    taken = counter.taken.get(node)
    if taken is not None and slot.stamp <= taken[0]:
        return
    old = counter.added.get(node)
    if old is None or old.stamp < slot.stamp:
        counter.added[node] = slot


def take(counter: Counter, node: Node, stamp: Stamp, total: int) -> None:
    """A node's increments up to this one are taken away."""
    old = counter.taken.get(node)
    if old is not None and old[0] >= stamp:
        return
    counter.taken[node] = (stamp, total)
    slot = counter.added.get(node)
    if slot is not None and slot.stamp <= stamp:
        del counter.added[node]


def join(counter: Counter, other: Counter) -> None:
    """Both copies' knowledge, into the first."""
    for node, (stamp, total) in other.taken.items():
        take(counter, node, stamp, total)
    for node, slot in other.added.items():
        grow(counter, node, slot)


def sum_of(counter: Counter, since: Stamp) -> int:
    """What has been added and not taken away, by increments that are not older than `since`."""
    found = 0
    for node, slot in counter.added.items():
        if slot.stamp >= since:
            taken = counter.taken.get(node)
            # a run that began after what was taken owes it nothing
            found += slot.total - (taken[1] if taken and taken[0] >= slot.run else 0)
    return found
