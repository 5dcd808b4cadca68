"""What may be forgotten: deletions after a time, and then only below a floor that everybody has passed.

A deletion that one copy has forgotten and another has not would part them as soon as an older change came.
So there is one floor for each partition, a stamp. It rises only past what every peer has applied, the hub
takes in nothing below it (`drift.Verdict.STALE`), and everybody forgets by the floor that the hub tells,
once all that the hub had when it told it is applied.
A peer that was silent for longer than deletions are remembered no longer holds the floor down: it is
expired. It stamps what it has not sent anew, and a snapshot replaces the rest of what it has.
"""

from __future__ import annotations

from collections.abc import Iterable

from skerry.base import tables
from skerry.sync.clock import ZERO, Stamp, at_ms
from skerry.sync.merge.record import Record, expired_at

TOMBSTONE_MS: int = tables.load("sync")["limits"]["tombstone_ms"]


def is_expired(heard_ms: int, now_ms: int, tombstone_ms: int = TOMBSTONE_MS) -> bool:
    """Whether a peer that was last heard at that time has to begin anew with a snapshot."""
    return now_ms - heard_ms > tombstone_ms


def floor(
    old: Stamp, now_ms: int, waiting: Iterable[Stamp], tombstone_ms: int = TOMBSTONE_MS
) -> Stamp:
    """The new floor. `waiting`: of each log and peer that is not expired the first stamp not yet applied.

    Every change up to the floor is applied by every peer; a floor never sinks.
    """
    horizon = at_ms(max(0, now_ms - tombstone_ms))
    first = min(waiting, default=None)
    if first is not None and first <= horizon:
        horizon = _before(first)
    return max(old, horizon)


def may_drop(record: Record, floor_: Stamp, now_ms: int) -> bool:
    """Whether a record can be forgotten: nothing of it is seen, and nothing of it is above the floor."""
    expired = expired_at(record, now_ms)
    if record.later or (record.present and expired == ZERO):
        return False
    if max(record.stamp, expired) > floor_:
        return False
    return _is_dead(record, floor_, expired)


def must_bury(record: Record, now_ms: int) -> bool:
    """Whether a record has expired and still counts: then one node deletes it, by a change like any other.

    An expiry takes no increments away (another put may have prolonged the record), a delete does.
    """
    ended = expired_at(record, now_ms) != ZERO
    return ended and any(counter.added for counter in record.counters.values())


def _is_dead(record: Record, floor_: Stamp, clear: Stamp) -> bool:
    for register in record.fields.values():
        if register.stamp > floor_ or (register.present and register.stamp >= clear):
            return False
    for counter in record.counters.values():
        # increments that an expiry hides would come back with the next put: see must_bury
        if counter.added or max(stamp for stamp, _ in counter.taken.values()) > floor_:
            return False
    for members in record.sets.values():
        for element in members.values():
            stamps = [*element.added.values(), *element.removed.values()]
            if max(stamps) > floor_ or any(s >= clear for s in element.added.values()):
                return False
    for siblings in record.siblings.values():
        stamps = [*siblings.versions, *siblings.covered.values()]
        if max(stamps) > floor_ or any(
            stamp >= clear and version.present for stamp, version in siblings.versions.items()
        ):
            return False
    return True


def _before(stamp: Stamp) -> Stamp:
    return (int.from_bytes(stamp, "big") - 1).to_bytes(len(stamp), "big")
