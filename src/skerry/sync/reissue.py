"""Changes under other stamps: by the same node while nobody has seen them, or in its next life after a fork.

A change speaks of other changes by their stamps: a removal of the additions it covers, a `put` of the
increments it had seen, an increment of its run. So whoever gives changes new stamps rewrites these too.
What a newer writer has added at the end of arrays is carried along.

After a fork the changes that the hub does not have are issued again, by a log whose name follows from the
first of them. So it does not matter who does it: the origin, or readers that still hold what an earlier
life of the origin wrote. All of them make the same log, byte for byte, and sending it twice is a duplicate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

import msgspec

from skerry.sync import change as wire
from skerry.sync.change import (
    Add,
    Assign,
    Birth,
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
from skerry.sync.clock import Node, Stamp, node_of, stamp_of, tick_of
from skerry.sync.log import Head, LogName, roll

_Place: TypeAlias = tuple[str, str, Path]  # space, key, path: where a counter is


class Reissued(NamedTuple):
    """The log of the next life, from its beginning."""

    name: LogName
    changes: list[bytes]


def restamp(raws: Sequence[bytes], stamps: Sequence[Stamp]) -> list[bytes]:
    """The same changes under these stamps of the same node, one for each, in the same order."""
    moved = _Moved({stamp_in(raw): new for raw, new in zip(raws, stamps, strict=True)})
    return [_rewritten(raw, wire.decode(raw), moved) for raw in raws]


def reissue(
    name: LogName,
    raws: Sequence[bytes],
    common: Head,
    before: Stamp,
    known: Mapping[Birth, Stamp] = MappingProxyType({}),
    renewed: LogName | None = None,
) -> Reissued:
    """The changes after the last common head, in the name of the origin's next life.

    `before` is the stamp of the last common change (ZERO at the beginning). `known`: births that the hub has
    in other logs of this origin, and under which stamps: an intent of two lives is not issued twice. `renewed` is
    `next_name`, unless the changes get other times too: then whoever does it makes another log, and takes a
    name that nobody else can come to (`LogName.renewed` of random bytes).
    """
    renewed = renewed or next_name(name, common, raws[0])
    node = renewed.node
    changes = [(raw, wire.decode(raw)) for raw in raws]
    twins = {change.stamp: known.get(wire.birth(raw, change)) for raw, change in changes}
    mapping = {old: twins[old] or stamp_of(tick_of(old), node) for old in twins}
    moved = _Renewed(mapping, name.node, node, before)
    kept = []
    for raw, change in changes:
        if twins[change.stamp] is None:
            kept.append(_rewritten(raw, change, moved))
        else:
            moved.leave(change)
    return Reissued(renewed, kept)


def next_name(name: LogName, common: Head, first: bytes) -> LogName:
    """The log of the life that begins with this change after this common head."""
    return name.renewed(roll(common.hash, first))


def is_doubled(births: Iterable[Birth], has: Callable[[Birth], bool]) -> bool:
    """Whether another life of the origin has sent one of these already (`drift.Verdict.DOUBLED`).

    Two clones that wrote before they knew the time stamp the same intents differently, so that hashes
    cannot tell. `has` looks in all logs of the origin but the one that is appended to.
    """
    return any(has(birth) for birth in births)


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
    """Old stamps of one node → new ones of its next life; what was before the fork stays the old one's.

    Where a twin has sent a change already, its stamp is the twin's, and it is left out.
    """

    def __init__(self, mapping: dict[Stamp, Stamp], old: Node, new: Node, before: Stamp) -> None:
        super().__init__(mapping)
        self.old, self.new, self.before = old, new, before
        self.current: Stamp = b""  # the new stamp of the change at hand
        # by counter: the old run, what of it is the old node's, the new run and its total
        self.runs: dict[_Place, tuple[Stamp, int, Stamp, int]] = {}

    def add(self, place: _Place, add: Add) -> Add:
        run, settled, new_run, total = self._run(place, add)
        new_run = new_run or self.current
        self.runs[place] = (run, settled, new_run, total + add.delta)
        return Add(add.path, add.delta, new_run, total + add.delta)

    def leave(self, change: Change) -> None:
        """A twin has sent it. Its increments are the old node's, if the twin wrote in that name."""
        same = node_of(self.mapping[change.stamp]) == self.old
        for add in change.operations:
            if isinstance(add, Add):
                place = (change.space, change.key, add.path)
                run, settled, new_run, total = self._run(place, add)
                self.runs[place] = (run, add.total if same else settled, new_run, total)

    def _run(self, place: _Place, add: Add) -> tuple[Stamp, int, Stamp, int]:
        found = self.runs.get(place)
        if found is not None and found[0] == add.run:
            return found
        # the first one here of this run, which may have begun before the fork
        return add.run, 0 if add.run in self.mapping else add.total - add.delta, b"", 0

    def covers(self, old: Covers) -> Covers:
        stamp = old.get(self.old)
        if stamp is None or stamp not in self.mapping:
            return dict(old)
        return {**{n: s for n, s in old.items() if n != self.old}, **self._reach(stamp)}

    def totals(
        self, place: _Place, old: dict[Node, tuple[Stamp, int]]
    ) -> dict[Node, tuple[Stamp, int]]:
        mine = old.get(self.old)
        if mine is None or mine[0] not in self.mapping:
            return dict(old)
        reach = self._reach(mine[0])
        _, settled, _, total = self.runs.get(place, (b"", 0, b"", 0))
        found = {node: seen for node, seen in old.items() if node != self.old}
        if settled and self.old in reach:
            found[self.old] = (reach[self.old], settled)
        if total and self.new in reach:
            found[self.new] = (reach[self.new], total)
        return found

    def _reach(self, stamp: Stamp) -> Covers:
        """What an old stamp of the old life stands for now: all that it wrote up to there."""
        found = {self.old: self.before} if any(self.before) else {}
        for old, new in self.mapping.items():  # in the order of the log
            if old <= stamp:
                found[node_of(new)] = max(new, found.get(node_of(new), b""))
        return found


def _rewritten(raw: bytes, change: Change, moved: _Moved) -> bytes:
    stamp = moved.stamp(change.stamp)
    if isinstance(moved, _Renewed):
        moved.current = stamp
    operations: list[Known | Later] = [
        _operation(operation, change, moved) for operation in change.operations
    ]
    born = wire.birth(raw, change)
    return wire.carry(raw, Change(stamp, change.space, change.key, operations, born))


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
