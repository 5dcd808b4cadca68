"""Changes made while a node did not know the time, stamped anew once it does.

A node without a battery clock wakes up in 1970 and keeps on writing; another one lives in the year
2100. Their changes would lose against everything, or win against everything. So each change that has
not been settled lies beside the boot it was made in, the milliseconds since that boot and what the wall
clock said; the first thing that a session does, before it sends or takes in anything, is to settle them.
Nothing unsettled is ever sent and nothing settled is moved, so nobody has seen a stamp that changes. The one
exception is what a hub has refused as `clock_ahead` or `stale`: that is issued again and lifted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from skerry.sync.change import stamp_in
from skerry.sync.clock import COUNTER_BITS, Node, Stamp, millis, stamp_of, tick_of
from skerry.sync.drift import DRIFT_MS_MAX, Timeline
from skerry.sync.reissue import restamp


class Written(NamedTuple):
    """A change as its origin keeps it until it is settled."""

    raw: bytes
    boot: bytes
    boot_ms: int
    wall_ms: int


class Settled(NamedTuple):
    """`changes` instead of those handed in; `moved` of them have a new stamp.

    Where any has, their records are to be built again from what they were before the first of them.
    """

    changes: list[bytes]
    moved: int
    last: int


def settle(
    pending: Sequence[Written],
    node: Node,
    now: Timeline,
    *,
    after: Stamp,
    known_ms: int,
    drift_ms: int = DRIFT_MS_MAX,
) -> Settled:
    """Stamp what is out of bounds anew, in the order it was made in; keep the stamps of the rest.

    `after` is the highest of: the last settled change's stamp, the floor of forgotten deletions, and what the
    clock has heard (`ClockState.heard`), for an edit must not come to lie below what its writer had seen.
    `known_ms` is the latest time that a hub ever told this node: a wall clock below it was wrong.
    """
    true_ms = _times(pending, now, known_ms, drift_ms)
    stamps: list[Stamp] = []
    last = tick_of(after)
    for change, at_ms in zip(pending, true_ms, strict=True):
        stamp = stamp_in(change.raw)
        if abs(millis(stamp) - at_ms) > drift_ms or stamp <= after:
            stamp = stamp_of(max(last + 1, at_ms << COUNTER_BITS), node)
        elif stamps and stamp <= stamps[-1]:
            stamp = stamp_of(last + 1, node)
        last = tick_of(stamp)
        stamps.append(stamp)
    old = [stamp_in(change.raw) for change in pending]
    moved = sum(a != b for a, b in zip(old, stamps, strict=True))
    raws = [change.raw for change in pending]
    return Settled(restamp(raws, stamps) if moved else raws, moved, last)


def lift(
    raws: Sequence[bytes],
    node: Node,
    *,
    after: Stamp,
    now_ms: int,
    drift_ms: int = DRIFT_MS_MAX,
) -> Settled:
    """What a hub has refused, moved as little as may be: from the future to now, from below to just above.

    `after` is the floor of forgotten deletions. So what was written long ago does not win over what is newer,
    it only stays. Other nodes may hold the refused changes, so these go out in a new incarnation.
    """
    stamps: list[Stamp] = []
    last = tick_of(after)
    for raw in raws:
        tick = tick_of(stamp_in(raw))
        if tick >> COUNTER_BITS > now_ms + drift_ms:
            tick = now_ms << COUNTER_BITS
        last = max(last + 1, tick)
        stamps.append(stamp_of(last, node))
    moved = sum(stamp_in(raw) != stamp for raw, stamp in zip(raws, stamps, strict=True))
    return Settled(restamp(raws, stamps) if moved else list(raws), moved, last)


def _times(pending: Sequence[Written], now: Timeline, known_ms: int, drift_ms: int) -> list[int]:
    """When each was made, as well as can be known, in milliseconds since 1970.

    In this boot: exactly. In an earlier one: by its wall clock, if that can have been right; otherwise as
    late as can be, with its last change at the moment the next boot began, and the time between them kept.
    """
    found: list[int] = []
    limit_ms = now.start_ms  # when the boot after the one looked at began
    groups = [(boot, list(changes)) for boot, changes in groupby(pending, lambda c: c.boot)]
    for boot, changes in reversed(groups):
        earlier = boot != now.boot
        start_ms = _start(changes, limit_ms, known_ms, drift_ms) if earlier else now.start_ms
        found += [start_ms + change.boot_ms for change in reversed(changes)]
        limit_ms = start_ms
    return found[::-1]


def _start(changes: Sequence[Written], limit_ms: int, known_ms: int, drift_ms: int) -> int:
    """When an earlier boot began, from the changes made in it; it was over at `limit_ms`."""
    last_ms = changes[-1].boot_ms
    starts = [
        change.wall_ms - change.boot_ms
        for change in changes
        if known_ms <= change.wall_ms
        and change.wall_ms - change.boot_ms + last_ms <= limit_ms + drift_ms
    ]
    # a wall clock that changed its mind was set by somebody who knew better
    return starts[-1] if starts else limit_ms - last_ms
