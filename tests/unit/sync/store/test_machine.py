"""A real partition beside one in memory: whatever is done to both, they hold the same.

The one in memory is made of the kernel and tests/support/partition/copy.py, as a person would write it down.
"""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from skerry.base.errors import BusyError
from skerry.sync import change as wire
from skerry.sync import settle, snapshot
from skerry.sync.change import Change
from skerry.sync.clock import NEW, ZERO, HybridClock, millis, stamp_of
from skerry.sync.drift import Timeline, learn
from skerry.sync.log import Answer, Head, LogName
from skerry.sync.merge import write
from skerry.sync.merge.record import Record, apply
from skerry.sync.settle import Written
from skerry.sync.snapshot import Key
from skerry.sync.store.records import is_split
from skerry.sync.store.transaction import Edit, Moment
from tests.support.partition.copy import Copy
from tests.support.shelf import NOW_MS, OWN, Origin, adding, beside, open_at, other, putting

KEYS = st.sampled_from([("s", "a"), ("s", "b"), ("t", "a")])
EDITS = st.one_of(
    st.integers(0, 9).map(putting),
    st.integers(1, 3).map(adding),
    st.integers(0, 9).map(beside),
    st.just(lambda record, _: [write.delete(record)]),
)
BOOT = b"boot"


class Memory:
    """What a partition holds."""

    def __init__(self) -> None:
        self.name = OWN
        self.clock = HybridClock(OWN.node, NEW)
        self.copies: dict[LogName, Copy] = {OWN: Copy(OWN)}
        self.records: dict[Key, Record] = {}
        self.before: dict[Key, Record | None] = {}
        self.written: list[Written] = []
        self.acked = 0

    @property
    def own(self) -> Copy:
        return self.copies[self.name]

    def write(self, key: Key, edit: Edit, moment: Moment) -> None:
        stamp = self.clock.tick(moment.now_ms)
        record = self.records.get(key)
        change = Change(stamp, *key, edit(record or Record(), stamp))
        raw = wire.encode(change)
        if self.written or not moment.is_known:
            self.before.setdefault(key, copy.deepcopy(record))
            self.written.append(Written(raw, moment.boot, moment.boot_ms, moment.wall_ms))
        apply(self.records.setdefault(key, Record()), change)
        self.own.write([raw])

    def settle(self, timeline: Timeline) -> None:
        if self.written:
            own, node = self.own, self.name.node
            common = own.head.position - len(self.written)
            after = max(own.stamp_at(common), stamp_of(self.clock.heard, node))
            found = settle.settle(self.written, node, timeline, after=after, known_ms=0)
            if found.moved:
                own.cut(common)
                own.write(found.changes)
                changes = [wire.decode(raw) for raw in found.changes]
                for key, base in self.before.items():
                    mine = [c for c in changes if (c.space, c.key) == key]
                    self.records[key] = snapshot.rebuild(base, mine)
                self.clock.rewind(found.last)
        self.written, self.before = [], {}


class Machine(RuleBasedStateMachine):
    """Every rule does the same to both."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "edge.db"
        self.database, self.real = open_at(self.path)
        self.memory = Memory()
        self.origins = [other(2), other(3)]
        self.now_ms = NOW_MS
        self.boot_ms = 0

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    def moment(self, is_known: bool) -> Moment:
        self.now_ms += 1
        self.boot_ms += 1
        wall_ms = self.boot_ms  # a machine without a battery lives in 1970
        return Moment(self.now_ms if is_known else wall_ms, is_known, BOOT, self.boot_ms, wall_ms)

    @rule(writes=st.lists(st.tuples(KEYS, EDITS), min_size=1, max_size=4), is_known=st.booleans())
    def write(self, writes: list[tuple[Key, Edit]], is_known: bool) -> None:
        moment = self.moment(is_known)
        with self.real.write() as transaction:
            for key, edit in writes:
                transaction.write(key, edit, moment)
                self.memory.write(key, edit, moment)

    @rule(key=KEYS, edit=EDITS)
    def write_and_fail(self, key: Key, edit: Edit) -> None:
        with pytest.raises(ZeroDivisionError), self.real.write() as transaction:  # noqa: PT012 - the write goes first
            transaction.write(key, edit, self.moment(True))
            transaction.flush()
            raise ZeroDivisionError

    @rule(which=st.integers(0, 1), key=st.sampled_from("ab"), edit=EDITS)
    def others_write(self, which: int, key: str, edit: Edit) -> None:
        self.origins[which].write(key, edit)

    @rule(which=st.integers(0, 1), begin=st.integers(0, 8), count=st.integers(1, 4))
    def take(self, which: int, begin: int, count: int) -> None:
        origin: Origin = self.origins[which]
        if begin >= len(origin.raws):
            return
        batch = origin.batch(begin, begin + count)
        if self.memory.written:
            with pytest.raises(BusyError):
                self.real.take(batch)
            return
        held = self.memory.copies.get(batch.name) or Copy(batch.name)
        answer, raws = held.take(batch)
        if answer is Answer.ACCEPT:
            self.memory.copies[batch.name] = held
        for change in map(wire.decode, raws):
            apply(self.memory.records.setdefault((change.space, change.key), Record()), change)
            self.memory.clock.observe(change.stamp)
        assert self.real.take(batch) is answer

    @rule()
    def settle(self) -> None:
        timeline = learn(BOOT, self.boot_ms, self.boot_ms, self.now_ms)
        self.memory.settle(timeline)
        with self.real.write() as transaction:
            transaction.settle(timeline, ZERO)

    @rule(seed=st.binary(min_size=2, max_size=2))
    @precondition(lambda self: not self.memory.written)
    def renew(self, seed: bytes) -> None:
        memory = self.memory
        name = memory.name.renewed(seed)
        memory.name, memory.clock = name, HybridClock(name.node, memory.clock.state)
        memory.copies.setdefault(name, Copy(name))
        with self.real.write() as transaction:
            transaction.renew(name)

    @rule(part=st.integers(0, 4), which=st.integers(0, 3))
    def trim(self, part: int, which: int) -> None:
        memory = self.memory
        safe: dict[LogName, Head] = {}
        for name, held in memory.copies.items():
            position = held.head.position * part // 4
            if held.log.floor.position <= position:
                safe[name] = held.at(position) if which else Head(position, b"another".ljust(16))
        for name, head in safe.items():
            held = memory.copies[name]
            if held.hash_at(head.position) == head.hash and not (
                name == memory.name and memory.written
            ):
                held.trim(head.position)
        with self.real.write() as transaction:
            transaction.trim(safe)

    @rule()
    @precondition(lambda self: not self.memory.written)
    def replace(self) -> None:
        """With what others have written so far, and nothing of this node's."""
        memory = self.memory
        records: dict[Key, Record] = {}
        heads: dict[LogName, tuple[Head, bytes]] = {}
        for origin in self.origins:
            for change in map(wire.decode, origin.raws):
                apply(records.setdefault((change.space, change.key), Record()), change)
            if origin.raws:
                heads[origin.name] = origin.head(len(origin.raws)), wire.stamp_in(origin.raws[-1])
        pending = [wire.decode(raw) for raw in memory.own.after(memory.own.log.floor.position)]
        with self.real.write() as transaction:
            transaction.replace(heads, copy.deepcopy(records).items())
        replaced = dict(snapshot.replace(memory.records, records.items(), pending))
        memory.records = {key: record for key, record in replaced.items() if record is not None}
        for name, (head, stamp) in heads.items():
            memory.clock.observe(stamp)
            held = memory.copies.setdefault(name, Copy(name))
            kept = held.log.floor.position <= head.position <= held.head.position
            if kept and held.hash_at(head.position) == head.hash:
                held.cut(head.position)
            else:
                held.begin_at(head, stamp)
        for name in [n for n in memory.copies if n not in heads and n != memory.name]:
            del memory.copies[name]

    @rule()
    def open_again(self) -> None:
        self.database.close()
        self.database, self.real = open_at(self.path)

    @invariant()
    def both_are_the_same(self) -> None:
        reader, memory = self.real.reader(), self.memory
        assert dict(reader.records()) == memory.records
        state = reader.state()
        assert (state.name, state.clock) == (memory.name, memory.clock.state)
        assert [row.raw for row in reader.unsettled()] == [row.raw for row in memory.written]
        assert [row[1:] for row in reader.unsettled()] == [row[1:] for row in memory.written]
        held = reader.logs()
        assert held == {name: c.log for name, c in memory.copies.items()}
        for name, mine in memory.copies.items():
            floor = mine.log.floor.position
            assert reader.after(name, floor) == mine.after(floor)
            for position in range(mine.head.position + 1):
                assert reader.hash_at(name, position) == mine.hash_at(position)
            for position in (floor, mine.head.position):
                assert reader.stamp_at(name, position) == mine.stamp_at(position)
        assert reader.cursor().heads == {
            name: held.head for name, held in memory.copies.items() if name != memory.name
        }
        split = [key for key, record in memory.records.items() if is_split(record)]
        assert reader.conflicts() == sorted(split)
        assert millis(max(c.stamp for c in memory.copies.values())) <= self.now_ms + 1


Machine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
test_machine = Machine.TestCase


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_many_machines() -> None:
    many = settings(Machine.TestCase.settings, max_examples=1000, stateful_step_count=60)
    run_state_machine_as_test(Machine, settings=many)
