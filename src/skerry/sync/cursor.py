"""Where a reader stands, and what a session does first with each log: who sends what to whom.

A cursor is an epoch and a head for each log, never a place in the order of a hub's arrivals. It is verified
on resume: both sides compare the heads that the other one tells (`log.compare`), and what both have seen
(`log.agreed`) names the step. The epoch is new whenever a hub comes back from a backup, and then leases wait;
logs are compared in every session, for a hub may have lost its tail without knowing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum

import msgspec

from skerry.sync.log import Head, Log, LogName, Relation


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Up to where a reader has applied each log, with the changes in one transaction."""

    epoch: bytes
    heads: dict[LogName, Head] = {}

    def head(self, name: LogName) -> Head:
        """Where it stands in one log; at its start if it has never heard of it."""
        return self.heads.get(name) or name.start

    def moved(self, name: LogName, head: Head) -> Cursor:
        """The cursor after more of one log."""
        return Cursor(self.epoch, {**self.heads, name: head})


class Step(StrEnum):
    """What is to be done. The sentences stand in rules/sync.toml."""

    LEVEL = "level"
    PUSH = "push"
    RENEW = "renew"
    REISSUE = "reissue"
    READ = "read"
    FEED = "feed"
    SALVAGE = "salvage"
    SNAPSHOT = "snapshot"
    LOST = "lost"


_OWN = {
    Relation.SAME: Step.LEVEL,
    Relation.AHEAD: Step.PUSH,
    Relation.BEHIND: Step.RENEW,
    Relation.FORKED: Step.REISSUE,
    Relation.UNKNOWN: Step.REISSUE,
}
_HELD = {
    Relation.SAME: Step.LEVEL,
    Relation.AHEAD: Step.FEED,
    Relation.BEHIND: Step.READ,
    Relation.FORKED: Step.SALVAGE,
    Relation.UNKNOWN: Step.SNAPSHOT,
}


def own_step(log: Log, theirs: Head, relation: Relation) -> Step:
    """For the log a node writes itself. `relation` of its copy to the hub's, agreed between both.

    Where the hub is longer and no longer knows the hash at this copy's head, the two cannot be compared: what
    the hub has not acknowledged is issued again, for twice is better than not at all.
    """
    lost = relation in (Relation.AHEAD, Relation.UNKNOWN)
    if lost and theirs.position < log.floor.position:
        return Step.LOST
    return _OWN[relation]


def held_step(log: Log, theirs: Head, relation: Relation, their_floor: int) -> Step:
    """For a log of somebody else that a node holds a copy of. `their_floor`: where the hub's copy begins."""
    step = _HELD[relation]
    if step in (Step.FEED, Step.SNAPSHOT) and theirs.position < log.floor.position:
        return Step.LOST  # the node knows the effect of changes that the hub has lost
    if step is Step.READ and log.head.position < their_floor:
        return Step.SNAPSHOT
    return step


def steps(
    own: LogName,
    logs: Mapping[LogName, Log],
    hub: Mapping[LogName, tuple[Log, Relation]],
) -> Iterator[tuple[LogName, Step]]:
    """The step for every log that either side has. `hub`: its copy and how it stands to ours, agreed."""
    for name in logs.keys() | hub.keys():
        mine = logs.get(name) or Log(name, name.start, name.start)
        theirs, relation = hub.get(name) or (
            Log(name, name.start, name.start),
            Relation.AHEAD if mine.head.position else Relation.SAME,
        )
        if name == own:
            yield name, own_step(mine, theirs.head, relation)
        else:
            yield name, held_step(mine, theirs.head, relation, theirs.floor.position)
