"""A hub in memory: the kernel's decisions, a disk that can be copied, and a clock that can be wrong."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from skerry.sync import change as wire
from skerry.sync import horizon, snapshot
from skerry.sync.change import Birth
from skerry.sync.clock import COUNTER_BITS, ZERO, Stamp, at_ms, node_of, tick_of
from skerry.sync.drift import HubTime, Verdict, judge
from skerry.sync.log import Answer, Batch, Head, Log, LogName, Relation, agreed, compare
from skerry.sync.merge.record import Record, apply
from skerry.sync.reissue import is_doubled
from skerry.sync.snapshot import Key
from tests.support.partition.copy import Copy


@dataclass
class Peer:
    """What a hub knows of a node, by its origin and number."""

    heard_ms: int
    heads: dict[LogName, Head] = field(default_factory=dict)


@dataclass
class HubDisk:
    """What survives a restart, and what a backup holds."""

    epoch: int = 1
    copies: dict[LogName, Copy] = field(default_factory=dict)
    records: dict[Key, Record] = field(default_factory=dict)
    peers: dict[int, Peer] = field(default_factory=dict)
    births: dict[bytes, dict[Birth, Stamp]] = field(default_factory=dict)  # by origin
    heard: int = 0
    floor: Stamp = ZERO


@dataclass
class Reply:
    """To a batch."""

    answer: Answer | Verdict
    name: LogName
    head: Head
    epoch: int


class Hub:
    """It answers, and never calls."""

    def __init__(self, met: Counter[str]) -> None:
        self.disk = HubDisk()
        self.ever: dict[
            bytes, tuple[bytes, bytes]
        ] = {}  # hash → (hash before, change): nobody's disk
        self.offset_ms = 0
        self.met = met
        self.safe: dict[LogName, Head] = {}  # what every backup still kept has

    def time(self, true_ms: int) -> HubTime:
        return HubTime(true_ms + self.offset_ms, self.disk.heard, self.disk.floor)

    def copy(self, name: LogName) -> Copy:
        return self.disk.copies.get(name) or Copy(name)

    def receive(self, batch: Batch, true_ms: int) -> Reply:
        """A push or a feed."""
        held = self.copy(batch.name)
        looked = held.look(batch)
        answer: Answer | Verdict = looked.answer
        if answer is Answer.ACCEPT:
            stamps = [wire.stamp_in(raw) for raw in batch.changes[looked.skip :]]
            verdict = judge(stamps, batch.name.node, held.stamp, self.time(true_ms))
            births = [wire.birth(raw, wire.decode(raw)) for raw in batch.changes[looked.skip :]]
            if verdict is Verdict.GOOD and is_doubled(births, self.known(batch.name).__contains__):
                verdict = Verdict.DOUBLED
            answer = Answer.ACCEPT if verdict is Verdict.GOOD else verdict
        if answer is Answer.ACCEPT:
            _, raws = held.take(batch)
            for before, after, raw in zip(
                [batch.prev.hash, *looked.hashes], looked.hashes, batch.changes, strict=False
            ):
                self.ever[after] = (before, raw)
            self.disk.copies[batch.name] = held
            for raw in raws:
                change = wire.decode(raw)
                apply(self.disk.records.setdefault((change.space, change.key), Record()), change)
                self.disk.heard = max(self.disk.heard, tick_of(change.stamp))
                births_of = self.disk.births.setdefault(batch.name.origin, {})
                births_of[wire.birth(raw, change)] = change.stamp
        self.met[f"append {answer}"] += 1
        return Reply(answer, batch.name, held.head, self.disk.epoch)

    def known(self, name: LogName) -> dict[Birth, Stamp]:
        """Births in the other logs of this one's origin, and their stamps here."""
        births = self.disk.births.get(name.origin, {})
        return {birth: stamp for birth, stamp in births.items() if node_of(stamp) != name.node}

    def absorb(
        self, records: Mapping[Key, Record], heads: Mapping[LogName, tuple[Head, Stamp]]
    ) -> None:
        """What a node knows by its effect alone, and this hub has lost."""
        for key, record in snapshot.absorb(records.items(), self.disk.records.get):
            self.disk.records[key] = record
        for name, (head, stamp) in heads.items():
            held = self.disk.copies.setdefault(name, Copy(name))
            if head.position > held.head.position:
                held.begin_at(head, stamp)
            self.disk.heard = max(self.disk.heard, tick_of(stamp))
        self.met["absorbed"] += 1

    def relations(
        self, told: Mapping[LogName, tuple[Log, Copy]]
    ) -> dict[LogName, tuple[Log, Relation]]:
        """Every log here, and how the node's copy stands to it, by what both see."""
        found = {}
        for name, held in self.disk.copies.items():
            log, theirs = told.get(name) or (Copy(name).log, Copy(name))
            mine = compare(held.log, log.head, held.hash_at)
            found[name] = (held.log, agreed(compare(log, held.head, theirs.hash_at), mine))
        return found

    def greet(self, peer: int, heads: dict[LogName, Head], true_ms: int) -> Stamp:
        """A peer is here. The stamp above which its unsent changes have to be."""
        now_ms = self.time(true_ms).now_ms
        old = self.disk.peers.get(peer)
        expired = old is not None and horizon.is_expired(old.heard_ms, now_ms)
        self.met["peer expired"] += expired
        self.disk.peers[peer] = Peer(now_ms, heads)
        return (
            max(self.disk.floor, at_ms(now_ms - horizon.TOMBSTONE_MS))
            if expired
            else self.disk.floor
        )

    def is_expired(self, peer: int, true_ms: int) -> bool:
        old = self.disk.peers.get(peer)
        return old is not None and horizon.is_expired(old.heard_ms, self.time(true_ms).now_ms)

    def forget(self, true_ms: int) -> None:
        """Raise the floor as far as it goes, and drop what is dead below it."""
        if not self.time(true_ms).trusted:
            return
        now_ms = self.time(true_ms).now_ms
        waiting = [
            wire.stamp_in(raw)
            for number, peer in self.disk.peers.items()
            if not self.is_expired(number, true_ms)
            for name, held in self.disk.copies.items()
            for raw in held.after(
                max(held.log.floor.position, peer.heads.get(name, name.start).position)
            )[:1]
        ]
        behind = any(
            peer.heads.get(name, name.start).position < held.log.floor.position
            for number, peer in self.disk.peers.items()
            if not self.is_expired(number, true_ms)
            for name, held in self.disk.copies.items()
        )
        if (
            behind
        ):  # what it lacks is trimmed, so its stamps are not known: it gets a snapshot first
            return
        self.disk.floor = horizon.floor(self.disk.floor, now_ms, waiting)
        for key, record in list(self.disk.records.items()):
            if horizon.may_drop(record, self.disk.floor, now_ms):
                del self.disk.records[key]
                self.met["hub forgot"] += 1

    def backup(self) -> HubDisk:
        return copy.deepcopy(self.disk)

    def restore(self, disk: HubDisk, epoch: int) -> None:
        self.disk = copy.deepcopy(disk)
        self.disk.epoch = epoch

    def heard_ms(self) -> int:
        return self.disk.heard >> COUNTER_BITS
