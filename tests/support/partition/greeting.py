"""How a session begins: every log is compared, and what the comparison asks for is done. May end in `Cut`.

What is issued again and the snapshot that replaces are one transaction: in between, records would show an
earlier life of the node beside its next one, and what is written then would speak of both.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from skerry.sync import change as wire
from skerry.sync import cursor, log, reissue, settle, snapshot
from skerry.sync.change import Change
from skerry.sync.clock import Stamp
from skerry.sync.cursor import Step
from skerry.sync.drift import Verdict
from skerry.sync.log import Answer, Head, LogName
from tests.support.partition.copy import Copy
from tests.support.partition.hub import Hub

if TYPE_CHECKING:
    from tests.support.partition.node import Node


class Cut(Exception):
    """The link is gone."""


@dataclass
class NextLife:
    """What becomes of the own log: it ends at `common`, and these follow in another one."""

    common: int
    name: LogName
    changes: list[bytes]
    last: int | None = None  # where the clock goes on, if the changes got other times


class Greeting:
    """Of one node, now. `floor`: the stamp that unsent changes have to be above."""

    def __init__(self, node: Node, hub: Hub, true_ms: int, floor: Stamp) -> None:
        self.node, self.hub, self.true_ms, self.floor = node, hub, true_ms, floor
        self.disk, self.call, self.met = node.disk, node.call, node.met
        self.next: NextLife | None = None
        self.lost: list[LogName] = []
        self.forked = False

    def run(self, *, replacing: bool) -> None:
        """All of it."""
        told = {name: (held.log, held) for name, held in self.disk.copies.items()}
        theirs = self.call(lambda: self.hub.relations(told))
        logs = {name: held.log for name, held in self.disk.copies.items()}
        for name, step in sorted(cursor.steps(self.disk.name, logs, theirs)):
            self.met[f"step {step}"] += 1
            hub_log = theirs[name][0] if name in theirs else log.empty(name)
            replacing |= self.take(name, step, hub_log.head)
        if self.disk.refused and self.next is None:
            self.restamp()
        if self.lost and (self.forked or self.next):
            # its records hold what another life wrote: they may not be joined
            self.met["given up"] += 1
        elif self.lost:
            self.give()
        if replacing or self.lost or self.next:
            self.replace()
        self.disk.refused = False

    def take(self, name: LogName, step: Step, theirs: Head) -> bool:
        """One step; whether a snapshot has to replace."""
        held = self.disk.copies.get(name) or Copy(name)
        match step:
            case Step.RENEW:
                self.node.renew(name.renewed(self.node.chance.randbytes(8)))
            case Step.REISSUE:
                # what was trimmed here or acknowledged once, the hub has had
                common = max(self.fork(held, theirs), held.log.floor.position)
                if theirs.position > held.head.position and self.is_unknown(held):
                    common = max(common, min(self.disk.acked, held.head.position))
                if common == held.head.position:
                    self.node.renew(name.renewed(self.node.chance.randbytes(8)))
                else:
                    found = self.issue_again(held, common)
                    self.next = NextLife(common, found.name, found.changes)
            case Step.SALVAGE:
                self.salvage(held, theirs)
                return True
            case Step.FEED:
                return self.feed(held, theirs.position)
            case Step.SNAPSHOT:
                return True
            case Step.LOST:
                self.lost.append(name)
            case Step.LEVEL | Step.PUSH | Step.READ:
                pass
        return False

    def is_unknown(self, held: Copy) -> bool:
        """Whether the hub has gone beyond this copy's head and does not know the hash there any more."""
        return self.call(lambda: self.hub.copy(held.log.name).hash_at(held.head.position)) is None

    def fork(self, held: Copy, theirs: Head) -> int:
        """The last position that both copies have in common."""
        name, high = held.log.name, min(held.head.position, theirs.position)

        def same(position: int) -> bool:
            return self.call(lambda: self.hub.copy(name).hash_at(position)) == held.hash_at(
                position
            )

        return high if same(high) else log.fork_point(0, high, same)

    def salvage(self, held: Copy, theirs: Head) -> None:
        """What an earlier life of another origin wrote, and nobody else may have."""
        self.forked = True
        common = self.fork(held, theirs)
        if common < held.log.floor.position:  # known by effect alone, which cannot be told apart
            self.met["given up"] += 1
            return
        found = self.issue_again(held, common)
        salvaged = Copy(found.name)
        salvaged.write(found.changes)
        self.feed(salvaged, 0)

    def issue_again(self, held: Copy, common: int, name: LogName | None = None) -> reissue.Reissued:
        """What comes after the common position, for the next life."""
        raws = held.after(common)
        name = name or reissue.next_name(held.log.name, held.at(common), raws[0])
        return reissue.reissue(
            held.log.name,
            raws,
            held.at(common),
            held.stamp_at(common),
            self.call(lambda: self.hub.known(name)),
            name,
        )

    def feed(self, held: Copy, begin: int) -> bool:
        """Give the hub another origin's changes; whether it wanted them otherwise."""
        refused = self.send(held, begin)
        if refused is None:
            return False
        answer, common = refused
        if answer not in (Verdict.CLOCK_AHEAD, Verdict.STALE, Verdict.DOUBLED):
            raise Cut  # somebody else was faster: compare anew
        self.forked = True
        name = held.log.name.renewed(self.node.chance.randbytes(8))
        found = self.issue_again(held, common, name)
        lifted = Copy(name)
        lifted.write(self.lift(found).changes)
        if self.send(lifted, 0) is not None:
            raise Cut
        self.met["rescued"] += 1
        return True

    def send(self, held: Copy, begin: int) -> tuple[str, int] | None:
        """Batch by batch; None when all is there, or the answer and how far it came."""
        while begin < held.head.position:
            batch = held.batch(begin, 3)
            reply = self.call(partial(self.hub.receive, batch, self.true_ms))
            if reply.answer not in (Answer.ACCEPT, Answer.DUPLICATE):
                return reply.answer, begin
            begin += len(batch.changes)
        return None

    def lift(self, found: reissue.Reissued) -> settle.Settled:
        """By the hub's clock; a hub that tells no time may still have a floor: then by the clock there is."""
        now_ms = self.node.now_ms(self.true_ms)
        return settle.lift(found.changes, found.name.node, after=self.floor, now_ms=now_ms)

    def restamp(self) -> None:
        """What the hub has refused, in a new incarnation, for nobody may have both; by the hub's clock."""
        own = self.node.own()
        common = self.call(lambda: self.hub.copy(self.disk.name).head.position)
        if common >= own.head.position:
            return
        name = self.disk.name.renewed(self.node.chance.randbytes(8))
        settled = self.lift(self.issue_again(own, common, name))
        self.next = NextLife(common, name, settled.changes, settled.last)
        self.met["restamped"] += 1

    def give(self) -> None:
        """Send the records up for what is known by effect alone; first what may yet get other stamps."""
        own = self.node.own()
        begin = self.call(lambda: self.hub.copy(self.disk.name).head.position)
        if self.send(own, max(begin, own.log.floor.position)) is not None:
            self.disk.refused = True
            raise Cut
        heads = {n: (self.disk.copies[n].head, self.disk.copies[n].stamp) for n in self.lost}
        self.call(lambda: self.hub.absorb(copy.deepcopy(self.disk.records), heads))

    def replace(self) -> None:
        """The hub's records and heads instead of those here; then what the hub does not have, on top."""
        copies, records = self.call(
            lambda: (dict(self.hub.disk.copies), copy.deepcopy(self.hub.disk.records))
        )
        heads = {name: held.head for name, held in copies.items()}
        if self.next is not None:
            self.node.own().cut(self.next.common)
            self.node.renew(self.next.name)
            self.disk.copies[self.next.name] = Copy(
                self.next.name
            )  # a reader may have issued it too
            self.node.own().write(self.next.changes)
            if self.next.last is not None:
                self.node.clock.rewind(self.next.last)
        pending = self.pending(heads)
        self.take_heads(copies)
        for key, record in snapshot.replace(self.disk.records, records.items(), pending):
            if record is None:
                del self.disk.records[key]
            else:
                self.disk.records[key] = record
        self.disk.clock = self.node.clock.state
        self.disk.forget = None
        self.met["replaced"] += 1

    def take_heads(self, copies: dict[LogName, Copy]) -> None:
        """The copies here end where the snapshot does."""
        for name, theirs in copies.items():
            self.node.clock.observe(theirs.stamp)
            if name == self.disk.name:
                continue
            held = self.disk.copies.setdefault(name, Copy(name))
            position, rolled = theirs.head
            kept = held.log.floor.position <= position <= held.head.position
            if kept and held.hash_at(position) == rolled:
                held.cut(position)
            else:
                held.begin_at(theirs.head, theirs.stamp)
        for name in [n for n in self.disk.copies if n not in copies and n != self.disk.name]:
            del self.disk.copies[name]

    def pending(self, heads: dict[LogName, Head]) -> list[Change]:
        """What the hub's copy of this node's log does not have yet."""
        own, head = self.node.own(), heads.get(self.disk.name, self.disk.name.start)
        return [wire.decode(raw) for raw in own.after(max(own.log.floor.position, head.position))]
