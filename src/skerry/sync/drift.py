"""Whose clock is right: the hub judges stamps, a node learns the time from it.

Only a hub judges. A node that took another one's stamps for wrong would refuse what others have, and
copies would part. And a hub whose own clock is behind the stamps it has accepted judges nobody and
tells no time: it would call everybody ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from skerry.base import tables
from skerry.sync.clock import COUNTER_BITS, MS_MAX, Node, Stamp, millis, node_of

DRIFT_MS_MAX: int = tables.load("sync")["limits"]["drift_ms_max"]


class Verdict(StrEnum):
    """Of a hub over the stamps of a batch. The sentences stand in rules/sync.toml."""

    GOOD = "good"
    CLOCK_AHEAD = "clock_ahead"
    STALE = "stale"
    DISORDER = "disorder"
    DOUBLED = "doubled"


class HubTime(NamedTuple):
    """What a hub knows when it judges. `heard` is the highest tick it has ever accepted."""

    now_ms: int
    heard: int
    floor: Stamp  # deletions up to this stamp may be forgotten (skerry.sync.horizon)
    drift_ms: int = DRIFT_MS_MAX

    @property
    def trusted(self) -> bool:
        """Whether the hub's clock may judge others: not while it is behind its own stamps, or its floor."""
        own_ms = max(self.heard >> COUNTER_BITS, millis(self.floor))
        return self.now_ms + self.drift_ms >= own_ms

    @property
    def told_ms(self) -> int | None:
        """The time that nodes are told; None while the hub does not know it itself."""
        return self.now_ms if self.trusted else None


def judge(stamps: Sequence[Stamp], node: Node, after: Stamp, hub: HubTime) -> Verdict:
    """Over changes that are new to the hub, in the order of their log; `after` is the stamp before them.

    Duplicates are not judged again: what was accepted once stays accepted when clocks are corrected.
    """
    for stamp in stamps:
        if stamp <= after or node_of(stamp) != node:
            return Verdict.DISORDER
        after = stamp
    latest_ms = millis(stamps[-1])
    if latest_ms > MS_MAX or (hub.trusted and latest_ms > hub.now_ms + hub.drift_ms):
        return Verdict.CLOCK_AHEAD
    return Verdict.STALE if stamps[0] <= hub.floor else Verdict.GOOD


class Timeline(NamedTuple):
    """When this boot began, by a hub's clock: from then on time is counted since boot.

    So a wall clock that is set while the node runs moves no stamp. `boot` is the kernel's boot id.
    """

    boot: bytes
    start_ms: int

    def now_ms(self, boot_ms: int) -> int:
        """Milliseconds since 1970, from the milliseconds since boot."""
        return self.start_ms + boot_ms


def learn(boot: bytes, asked_boot_ms: int, answered_boot_ms: int, hub_ms: int) -> Timeline:
    """From one question and its answer, both times since boot: the hub's clock stood at the middle."""
    return Timeline(boot, hub_ms - (asked_boot_ms + answered_boot_ms) // 2)
