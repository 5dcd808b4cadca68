"""A partition at one moment: to begin with, to begin anew with, and to bring back what a hub has lost.

Downwards a snapshot *replaces*. A reader that is expired, forked or below the floor may hold records whose
deletion everybody else has forgotten; joined, they would rise from the dead. What the reader itself wrote
and the hub does not have yet is put on top again. Upwards, to a hub that has lost more than logs still
hold, it is *joined*, for there it is the hub that does not know better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from skerry.sync.change import Change
from skerry.sync.clock import ZERO, Stamp
from skerry.sync.log import Head, Log, LogName
from skerry.sync.merge.record import Record, apply, join

Key: TypeAlias = tuple[str, str]  # space, key


class Cover(msgspec.Struct, frozen=True, array_like=True):
    """What goes before the records: what the snapshot holds all of.

    `request` is the reader's own number for having asked, so that one that arrives late replaces nothing.
    """

    partition: str
    request: int
    epoch: bytes
    heads: dict[LogName, Head]
    floor: Stamp = ZERO


class Replacement(NamedTuple):
    """One step of replacing: the record as it is to be stored, or None for one that goes."""

    key: Key
    record: Record | None


def replace(
    mine: Iterable[Key],
    theirs: Iterable[tuple[Key, Record]],
    pending: Sequence[Change],
) -> Iterator[Replacement]:
    """Make a reader's records those of the snapshot, with its own pending changes on top.

    `mine` are the keys that the reader has now. One pass over `theirs`, which may be long; `pending`, in the
    order of its log, is what the hub does not have.
    """
    waiting: dict[Key, list[Change]] = {}
    for change in pending:
        waiting.setdefault((change.space, change.key), []).append(change)
    gone = set(mine)
    for key, record in theirs:
        gone.discard(key)
        yield Replacement(key, rebuild(record, waiting.pop(key, ())))
    for key, changes in waiting.items():
        gone.discard(key)
        yield Replacement(key, rebuild(None, changes))
    for key in sorted(gone):
        yield Replacement(key, None)


def rebuild(base: Record | None, changes: Iterable[Change]) -> Record:
    """A record from what it was before these changes. The base is not touched."""
    record = Record()
    if base is not None:
        join(record, base)
    for change in changes:
        apply(record, change)
    return record


def absorb(
    theirs: Iterable[tuple[Key, Record]], lookup: Callable[[Key], Record | None]
) -> Iterator[tuple[Key, Record]]:
    """What a hub that has lost more than the logs hold stores: its own records joined with a reader's."""
    for key, record in theirs:
        mine = rebuild(lookup(key), ())
        join(mine, record)
        yield key, mine


def begin_at(name: LogName, head: Head) -> Log:
    """A copy of a log whose changes up to `head` are known by their effect alone: from a snapshot."""
    return Log(name, head, head)
