"""A node in memory: it writes while it is cut off, settles, pushes and reads.

`Disk` is what survives a crash and what an image holds. A session is volatile; how one begins stands in
`greeting`. Every call of the hub may end in `Cut`, before the hub has heard of it or after.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from skerry.sync import change as wire
from skerry.sync import horizon, settle, snapshot
from skerry.sync.change import Change, Known, Later
from skerry.sync.clock import NEW, ClockState, HybridClock, Stamp, stamp_of
from skerry.sync.drift import Timeline, Verdict, learn
from skerry.sync.log import Answer, Batch, Head, LogName
from skerry.sync.merge.record import Record, apply
from skerry.sync.settle import Written
from skerry.sync.snapshot import Key
from tests.support.partition.copy import Copy
from tests.support.partition.greeting import Cut, Greeting
from tests.support.partition.hub import Hub, Reply

T = TypeVar("T")
Edit = Callable[[Record, Stamp], list[Known | Later]]


@dataclass
class Disk:
    """Everything that is stored. `written` lies beside the changes that are not settled yet."""

    name: LogName
    clock: ClockState = NEW
    copies: dict[LogName, Copy] = field(default_factory=dict)
    records: dict[Key, Record] = field(default_factory=dict)
    before: dict[Key, Record | None] = field(default_factory=dict)
    written: list[Written] = field(default_factory=list)
    known_ms: int = 0
    acked: int = 0
    forget: tuple[Stamp, dict[LogName, Head]] | None = None
    refused: bool = False


@dataclass
class Session:
    """With one life of the hub. `up`: how far it has this node's log."""

    epoch: int
    up: int = 0


class Node:
    """`number` tells disks apart, also those of clones."""

    def __init__(self, number: int, disk: Disk, chance: random.Random, met: Counter[str]) -> None:
        self.number, self.disk, self.chance, self.met = number, disk, chance, met
        self.cut_chance = 0.03
        self.boot(0, 0)

    def boot(self, true_ms: int, offset_ms: int | None) -> None:
        """Start anew; the wall clock is off by so much, or (None) begins in 1970."""
        self.boot_id = self.chance.randbytes(4)
        self.boot_at_ms = true_ms
        self.offset_ms = -true_ms if offset_ms is None else offset_ms
        self.session: Session | None = None
        self.timeline: Timeline | None = None
        self.clock = HybridClock(self.disk.name.node, self.disk.clock)
        self.own()

    def own(self) -> Copy:
        return self.disk.copies.setdefault(self.disk.name, Copy(self.disk.name))

    def boot_ms(self, true_ms: int) -> int:
        return true_ms - self.boot_at_ms

    def now_ms(self, true_ms: int) -> int:
        if self.timeline is not None:
            return self.timeline.now_ms(self.boot_ms(true_ms))
        return true_ms + self.offset_ms

    # ------------------------------------------------------------ writing
    def write(self, key: Key, edit: Edit, mark: int, true_ms: int) -> None:
        """Acknowledged as soon as it lies here: no hub is asked. `mark` is put where newer writers put things."""
        stamp = self.clock.tick(self.now_ms(true_ms))
        record = self.disk.records.get(key)
        change = Change(stamp, *key, edit(record or Record(), stamp))
        raw = msgspec.msgpack.encode([*msgspec.msgpack.decode(wire.encode(change)), mark])
        if self.timeline is None and self.session is None:
            self.disk.before.setdefault(key, copy.deepcopy(record))
            wall_ms = true_ms + self.offset_ms
            self.disk.written.append(Written(raw, self.boot_id, self.boot_ms(true_ms), wall_ms))
        apply(self.disk.records.setdefault(key, Record()), change)
        self.own().write([raw])
        self.disk.clock = self.clock.state

    def marks(self, stamp: Stamp) -> list[int]:
        """That of the change with this stamp, if its bytes are here."""
        raws = [raw for held in self.disk.copies.values() for raw in held.changes.values()]
        return [msgspec.msgpack.decode(raw)[5] for raw in raws if wire.stamp_in(raw) == stamp]

    # ------------------------------------------------------------ a session begins
    def call(self, asked: Callable[[], T]) -> T:
        """Ask the hub. The link may go before or after it has heard."""
        if self.chance.random() < self.cut_chance:
            self.session = None
            raise Cut
        answer = asked()
        if self.chance.random() < self.cut_chance:
            self.session = None
            raise Cut
        return answer

    def connect(self, hub: Hub, true_ms: int) -> None:
        """Settle, compare, act; then the session stands. Raises Cut."""
        self.session = None
        expired = self.call(lambda: hub.is_expired(self.number, true_ms))
        told_ms = self.call(lambda: hub.time(true_ms).told_ms)
        floor = self.call(lambda: hub.greet(self.number, self.heads(), true_ms))
        if told_ms is not None:
            at_ms = self.boot_ms(true_ms)
            self.timeline = learn(self.boot_id, at_ms, at_ms, told_ms)
        self.settle(floor)
        Greeting(self, hub, true_ms, floor).run(replacing=expired)
        if told_ms is not None:
            self.disk.known_ms = max(self.disk.known_ms, told_ms)
        up = self.call(lambda: hub.copy(self.disk.name).head)
        if up.position > self.own().head.position or self.own().hash_at(up.position) != up.hash:
            raise Cut  # a twin was faster: compare anew
        self.session = Session(hub.disk.epoch, up.position)
        self.disk.acked = up.position

    def settle(self, floor: Stamp) -> None:
        """What was written while the time was unknown; without a hub's time it stays as it is."""
        written, own = self.disk.written, self.own()
        if written and self.timeline is not None:
            common = own.head.position - len(written)
            heard = stamp_of(self.clock.heard, self.disk.name.node)
            after = max(floor, own.stamp_at(common), heard)
            found = settle.settle(
                written,
                self.disk.name.node,
                self.timeline,
                after=after,
                known_ms=self.disk.known_ms,
            )
            if found.moved:
                self.met["settled"] += 1
                own.cut(common)
                own.write(found.changes)
                changes = [wire.decode(raw) for raw in found.changes]
                for key, base in self.disk.before.items():
                    mine = [c for c in changes if (c.space, c.key) == key]
                    self.disk.records[key] = snapshot.rebuild(base, mine)
                self.clock.rewind(found.last)
        self.disk.written, self.disk.before = [], {}
        self.disk.clock = self.clock.state

    def renew(self, name: LogName) -> None:
        """Go on in a new incarnation; the old one's log is somebody else's from now on."""
        self.disk.name = name
        self.clock = HybridClock(name.node, self.clock.state)
        self.disk.acked = 0
        self.own()

    # ------------------------------------------------------------ a session goes on
    def heads(self) -> dict[LogName, Head]:
        return {name: held.head for name, held in self.disk.copies.items()}

    def push(self) -> Batch | None:
        """The next piece of this node's log, or one that was sent before."""
        own = self.own()
        if self.session is None or self.session.up > own.head.position:
            return None
        begin = max(own.log.floor.position, self.session.up - self.chance.randrange(2))
        return own.batch(begin, self.chance.randint(1, 4)) if begin < own.head.position else None

    def replied(self, reply: Reply) -> None:
        """To a push, perhaps of a session that is long over."""
        session = self.session
        if session is None or session.epoch != reply.epoch or reply.name != self.disk.name:
            return
        if reply.answer in (Answer.ACCEPT, Answer.DUPLICATE, Answer.GAP):
            session.up = min(reply.head.position, self.own().head.position)
            self.disk.acked = session.up
            raw = self.own().changes.get(session.up)
            if raw is not None and self.own().hash_at(session.up) == reply.head.hash:
                self.clock.observe(wire.stamp_in(raw))
        else:
            self.disk.refused |= reply.answer in (
                Verdict.CLOCK_AHEAD,
                Verdict.STALE,
                Verdict.DOUBLED,
            )
            self.session = None

    def receive(self, batch: Batch) -> None:
        """From the hub, in any order, perhaps long ago."""
        if self.session is None:  # what is not settled here must not mix with what comes
            return
        if batch.name == self.disk.name:
            if self.own().head.position < batch.prev.position + len(batch.changes):
                self.session = None  # somebody writes in this node's name: compare
            return
        held = self.disk.copies.get(batch.name) or Copy(batch.name)
        answer, raws = held.take(batch)
        self.met[f"read {answer}"] += 1
        if answer is Answer.ACCEPT:
            self.disk.copies[batch.name] = held
            for change in map(wire.decode, raws):
                key = (change.space, change.key)
                apply(self.disk.records.setdefault(key, Record()), change)
                self.clock.observe(change.stamp)
            self.disk.clock = self.clock.state
        elif answer is Answer.FORK:
            self.session = None

    def told_floor(self, floor: Stamp, heads: dict[LogName, Head], true_ms: int) -> None:
        """Forget deletions, once all that the hub had when it told the floor is here."""
        self.disk.forget = self.disk.forget or (floor, heads)
        floor, heads = self.disk.forget
        mine = self.heads()
        if any(mine.get(n, n.start).position < h.position for n, h in heads.items()):
            return
        self.disk.forget = None
        for key, record in list(self.disk.records.items()):
            if horizon.may_drop(record, floor, self.now_ms(true_ms)):
                del self.disk.records[key]
                self.met["node forgot"] += 1

    def trim(self, safe: dict[LogName, Head]) -> None:
        """Drop the bytes of what every backup of the hub has: the same, not only as many."""
        for name, held in self.disk.copies.items():
            head = safe.get(name)
            if name == self.disk.name and self.disk.written:
                continue  # what is not settled yet may still get other bytes
            if head is not None and held.hash_at(head.position) == head.hash:
                held.trim(head.position)
