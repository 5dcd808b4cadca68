"""Changes under other stamps: by the same node while nobody has seen them, or in its next life after a fork.

A change speaks of other changes by their stamps: a removal of the additions it covers, a `put` of the
increments it had seen, an increment of its run. So whoever gives changes new stamps rewrites these too.
What a newer writer has added at the end of arrays is carried along.

After a fork the changes that the hub does not have are issued again, by a log whose name follows from the
first of them. So it does not matter who does it: the origin, or readers that still hold what an earlier
life of the origin wrote. All of them make the same log, byte for byte, and sending it twice is a duplicate.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from skerry.sync import change as wire
from skerry.sync.change import (
    Add,
    Assign,
    Change,
    Covers,
    Delete,
    Exclude,
    Known,
    Later,
    Path,
    Put,
    Seen,
    Unset,
    Write,
    stamp_in,
)
from skerry.sync.clock import Node, Stamp, stamp_of, tick_of
from skerry.sync.log import Head, LogName, roll

_Place: TypeAlias = tuple[str, str, Path]  # space, key, path: where a counter is


class Reissued(NamedTuple):
    """The log of the next life, from its beginning."""

    name: LogName
    changes: list[bytes]


def restamp(raws: Sequence[bytes], stamps: Sequence[Stamp]) -> list[bytes]:
    """The same changes under these stamps of the same node, one for each, in the same order."""
    moved = _Moved({stamp_in(raw): new for raw, new in zip(raws, stamps, strict=True)})
    return [_rewritten(raw, moved) for raw in raws]


def reissue(
    name: LogName,
    raws: Sequence[bytes],
    common: Head,
    before: Stamp,
    known: Collection[Stamp] = (),
) -> Reissued:
    """The changes after the last common head, in the name of the origin's next life.

    `before` is the stamp of the last common change (ZERO at the beginning). `known` are births of changes
    that the other branch has: an intent that both lives have stamped is not issued twice.
    """
    renewed = name.renewed(roll(common.hash, raws[0]))
    node = renewed.node
    mapping = {stamp_in(raw): stamp_of(tick_of(stamp_in(raw)), node) for raw in raws}
    moved = _Renewed(mapping, name.node, node, before)
    kept = [raw for raw in raws if not known or wire.decode(raw).birth not in known]
    return Reissued(renewed, [_rewritten(raw, moved) for raw in kept])


class _Moved:
    """Old stamps → new ones, of one and the same node."""

    def __init__(self, mapping: dict[Stamp, Stamp]) -> None:
        self.mapping = mapping

    def stamp(self, old: Stamp) -> Stamp:
        return self.mapping.get(old, old)

    def add(self, place: _Place, add: Add) -> Add:
        return Add(add.path, add.delta, self.stamp(add.run), add.total)

    def covers(self, old: Covers) -> Covers:
        return {node: self.stamp(stamp) for node, stamp in old.items()}

    def totals(
        self, place: _Place, old: dict[Node, tuple[Stamp, int]]
    ) -> dict[Node, tuple[Stamp, int]]:
        return {node: (self.stamp(stamp), total) for node, (stamp, total) in old.items()}


class _Renewed(_Moved):
    """Old stamps of one node → new ones of its next life; what was before the fork stays the old one's."""

    def __init__(self, mapping: dict[Stamp, Stamp], old: Node, new: Node, before: Stamp) -> None:
        super().__init__(mapping)
        self.old, self.new, self.before = old, new, before
        # by counter: the old run, what of it was added before the fork, the new run and its total
        self.runs: dict[_Place, tuple[Stamp, int, Stamp, int]] = {}

    def add(self, place: _Place, add: Add) -> Add:
        run, settled, new_run, total = self.runs.get(place, (b"", 0, b"", 0))
        if run != add.run:  # the first one here of this run
            settled = 0 if add.run in self.mapping else add.total - add.delta
            new_run, total = self.current, 0
        total += add.delta
        self.runs[place] = (add.run, settled, new_run, total)
        return Add(add.path, add.delta, new_run, total)

    def covers(self, old: Covers) -> Covers:
        found = dict(old)
        stamp = old.get(self.old)
        if stamp is not None and stamp in self.mapping:
            found[self.new] = self.mapping[stamp]
            self._restore(found)
        return found

    def totals(
        self, place: _Place, old: dict[Node, tuple[Stamp, int]]
    ) -> dict[Node, tuple[Stamp, int]]:
        found = dict(old)
        mine = old.get(self.old)
        if mine is not None and mine[0] in self.mapping:
            _, settled, _, total = self.runs.get(place, (b"", 0, b"", 0))
            del found[self.old]
            if settled:
                found[self.old] = (self.before, settled)
            found[self.new] = (self.mapping[mine[0]], total)
        return found

    def _restore(self, found: Covers) -> None:
        """What was seen of the old life up to the fork stays covered."""
        if any(self.before):
            found[self.old] = self.before
        else:
            del found[self.old]

    current: Stamp = b""  # the new stamp of the change at hand


def _rewritten(raw: bytes, moved: _Moved) -> bytes:
    change = wire.decode(raw)
    stamp = moved.stamp(change.stamp)
    if isinstance(moved, _Renewed):
        moved.current = stamp
    operations: list[Known | Later] = [
        _operation(operation, change, moved) for operation in change.operations
    ]
    return wire.carry(raw, Change(stamp, change.space, change.key, operations, change.birth))


def _operation(operation: Known | Later, change: Change, moved: _Moved) -> Known | Later:
    place = (change.space, change.key)
    match operation:
        case Put() | Delete() | Assign() | Unset():
            if not operation.seen:
                return operation
            seen: Seen = [(p, moved.totals((*place, p), t)) for p, t in operation.seen]
            return msgspec.structs.replace(operation, seen=seen)
        case Add():
            return moved.add((*place, operation.path), operation)
        case Exclude() | Write():
            return msgspec.structs.replace(operation, covers=moved.covers(operation.covers))
        case _:
            return operation
