"""Logs: who wrote what in which order, and whether two copies are copies of the same thing.

A log is named by lane, partition, origin and incarnation; only its origin writes it. Its head is a
position *and* a hash that rolls over every change since the beginning, so equal heads mean equal logs,
and a different hash at one position means a fork: two lives of one origin have written.

Nothing here stores anything. The bytes lie with a store, which is asked for the hash at a position.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

import msgspec

from skerry.base import tables
from skerry.sync.clock import NODE_BYTES, Node

HASH_BYTES = 16  # of SHA-256: nobody finds two logs with one head, and heads stay short
ORIGIN_BYTES = 5
_LIMITS = tables.load("sync")["limits"]
BATCH_CHANGES_MAX: int = _LIMITS["batch_changes_max"]
BATCH_BYTES_MAX: int = _LIMITS["batch_bytes_max"]
INCARNATION_BYTES = NODE_BYTES - ORIGIN_BYTES


class Head(NamedTuple):
    """Where a log or a reader of it stands: so many changes, rolled into this hash."""

    position: int
    hash: bytes


class LogName(NamedTuple):
    """`lane` (purge, desired, state, bulk), `partition`, `origin` (5 random bytes), `incarnation`."""

    lane: str
    partition: str
    origin: bytes
    incarnation: int

    @property
    def node(self) -> Node:
        """What stands in the stamps of its changes."""
        return self.origin + self.incarnation.to_bytes(INCARNATION_BYTES, "big")

    @property
    def start(self) -> Head:
        """The head of the empty log. The name is rolled in, so that no log can pass for another."""
        named = f"{self.lane}\0{self.partition}\0".encode() + self.node
        return Head(0, hashlib.sha256(named).digest()[:HASH_BYTES])

    def renewed(self, seed: bytes) -> LogName:
        """The log of the origin's next life. The same seed gives the same name, whoever asks."""
        rolled = hashlib.sha256(b"incarnation\0" + self.node + seed).digest()
        return self._replace(incarnation=int.from_bytes(rolled[:INCARNATION_BYTES], "big"))


def log_of(lane: str, partition: str, node: Node) -> LogName:
    """The log that a node's stamps belong to."""
    incarnation = int.from_bytes(node[ORIGIN_BYTES:], "big")
    return LogName(lane, partition, node[:ORIGIN_BYTES], incarnation)


def roll(before: bytes, change: bytes) -> bytes:
    """The hash after one more change."""
    return hashlib.sha256(before + change).digest()[:HASH_BYTES]


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What travels: changes of one log that follow `prev`, each as it was written.

    `end` is the hash after the last of them as the sender has it stored: a bit that flips on the way or on
    the sender's disk is seen here, and not stored as data.
    """

    name: LogName
    prev: Head
    changes: list[bytes]
    end: bytes

    def hashes(self) -> list[bytes]:
        """The hash after each change."""
        at = self.prev.hash
        return [at := roll(at, change) for change in self.changes]


def sealed(name: LogName, prev: Head, changes: list[bytes]) -> Batch:
    """A batch of changes whose hashes are not at hand."""
    at = prev.hash
    for change in changes:
        at = roll(at, change)
    return Batch(name, prev, changes, at)


class Log(msgspec.Struct, frozen=True, array_like=True):
    """A copy of a log, complete from `floor` (the last change that is no longer kept) to `head`.

    `gaps` are first and last position of what was never received (streams only).
    """

    name: LogName
    floor: Head
    head: Head
    gaps: tuple[tuple[int, int], ...] = ()


# the hash after the change at a position; None for one that is not known (any more).
# Hashes may be kept longer than the changes: 16 bytes tell apart what a restored backup still has to say.
HashAt: TypeAlias = Callable[[int], bytes | None]


class Answer(StrEnum):
    """To an append. The sentences stand in rules/sync.toml."""

    ACCEPT = "accept"
    DUPLICATE = "duplicate"
    DAMAGED = "damaged"
    GAP = "gap"
    FORK = "fork"
    BELOW_FLOOR = "below_floor"


class Append(NamedTuple):
    """What became of a batch. The first `skip` changes are stored already, the rest is to be stored.

    `hashes` are those of all changes of the batch, for whoever stores them; empty where it is refused.
    """

    answer: Answer
    log: Log
    skip: int = 0
    hashes: Sequence[bytes] = ()


def empty(name: LogName) -> Log:
    """A log of which nothing has been heard."""
    return Log(name, name.start, name.start)


def envelope(changes: Iterable[bytes]) -> list[bytes]:
    """As many of the first changes as one batch may carry; one that is too large for that travels alone."""
    taken: list[bytes] = []
    room = BATCH_BYTES_MAX
    for change in changes:
        room -= len(change)
        if taken and room < 0:
            break
        taken.append(change)
        if len(taken) == BATCH_CHANGES_MAX:
            break
    return taken


def extend(log: Log, changes: Sequence[bytes]) -> tuple[Log, list[bytes]]:
    """What its origin has written follows: the log after it, and the hash after each change."""
    at = log.head.hash
    hashes = [at := roll(at, change) for change in changes]
    head = Head(log.head.position + len(hashes), at)
    return Log(log.name, log.floor, head, log.gaps), hashes


def append(log: Log, batch: Batch, hash_at: HashAt, *, gaps: bool = False) -> Append:
    """Whether a batch follows. Asked by a hub of what comes up and by a reader of what comes down.

    A batch that was received before is a duplicate and changes nothing; one that begins later than the
    head is refused, or with `gaps` (streams) taken, and what is missing is written down.
    """
    head, prev = log.head, batch.prev
    hashes = batch.hashes()
    if hashes and hashes[-1] != batch.end:
        return Append(Answer.DAMAGED, log)
    if prev.position > head.position:
        if not gaps or not hashes:
            return Append(Answer.GAP, log)
        missing = (head.position + 1, prev.position)
        return _accept(msgspec.structs.replace(log, gaps=(*log.gaps, missing)), batch, 0, hashes)
    known = _known(log, prev.position, hash_at)
    if known is not None and known != prev.hash:
        return Append(Answer.FORK, log)
    skip = min(len(hashes), head.position - prev.position)
    if skip:  # the hash at the end of what both have vouches for all before it
        stored = _known(log, prev.position + skip, hash_at)
        if stored is None:
            return Append(Answer.BELOW_FLOOR, log)
        if stored != hashes[skip - 1]:
            return Append(Answer.FORK, log)
    if skip == len(hashes):
        return Append(Answer.DUPLICATE, log, skip)
    return _accept(log, batch, skip, hashes)


def _accept(log: Log, batch: Batch, skip: int, hashes: list[bytes]) -> Append:
    head = Head(batch.prev.position + len(hashes), hashes[-1])
    return Append(Answer.ACCEPT, Log(log.name, log.floor, head, log.gaps), skip, hashes)


def _known(log: Log, position: int, hash_at: HashAt) -> bytes | None:
    if position == log.head.position:
        return log.head.hash
    if position == log.floor.position:
        return log.floor.hash
    return hash_at(position) if 0 < position < log.head.position else log.name.start.hash


def trim(log: Log, floor: Head) -> Log:
    """Keep only what comes after `floor`. A floor never sinks and never passes the head."""
    if not log.floor.position <= floor.position <= log.head.position:
        return log
    gaps = tuple(gap for gap in log.gaps if gap[1] > floor.position)
    return Log(log.name, floor, log.head, gaps)


class Relation(StrEnum):
    """How this copy stands to another one. The sentences stand in rules/sync.toml."""

    SAME = "same"
    AHEAD = "ahead"
    BEHIND = "behind"
    FORKED = "forked"
    UNKNOWN = "unknown"


def compare(log: Log, theirs: Head, hash_at: HashAt) -> Relation:
    """How this copy stands to one whose head was told. Only the longer copy sees a fork: see `agreed`."""
    if theirs.position > log.head.position:
        return Relation.BEHIND
    known = _known(log, theirs.position, hash_at)
    if known is None:
        return Relation.UNKNOWN
    if known != theirs.hash:
        return Relation.FORKED
    return Relation.SAME if theirs.position == log.head.position else Relation.AHEAD


def agreed(mine: Relation, theirs: Relation) -> Relation:
    """What is true of this copy when both have compared: the longer one has seen more."""
    if mine is not Relation.BEHIND:
        return mine
    return Relation.BEHIND if theirs in (Relation.AHEAD, Relation.SAME) else theirs


def fork_point(low: int, high: int, same: Callable[[int], bool]) -> int:
    """The last position at which two copies agree, by asking `same(position)` a few times.

    They agree at `low` and differ at `high`; hashes roll, so after a fork they never agree again.
    """
    while high - low > 1:
        middle = (low + high) // 2
        if same(middle):
            low = middle
        else:
            high = middle
    return low
