"""One transaction of a partition: all of it is durable when it ends, or nothing of it was.

Several calls may go into one, and for "issue again and take the snapshot" they must: a write between the two would
speak of both lives (docs/decisions/sync.md, rule 3). Records that were touched are kept decoded until the end, so that
one that is changed a hundred times is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import apsw

from skerry.base.errors import BugError, BusyError
from skerry.sync import change as wire
from skerry.sync import horizon, log, snapshot
from skerry.sync.change import Change, Known, Later
from skerry.sync.clock import HybridClock, Stamp, stamp_of
from skerry.sync.drift import Timeline
from skerry.sync.log import Answer, Batch, Head, LogName
from skerry.sync.merge.record import Record, apply
from skerry.sync.settle import Settled
from skerry.sync.settle import settle as settle_stamps
from skerry.sync.snapshot import Key
from skerry.sync.store import state
from skerry.sync.store.copies import Copies, Whence
from skerry.sync.store.reader import HASHES_KEPT
from skerry.sync.store.records import Records
from skerry.sync.store.state import State

# what a change does to a record, made from the record as it is and the change's stamp
Edit: TypeAlias = Callable[[Record, Stamp], Sequence[Known | Later]]
# for rooms that keep indexes: runs inside the transaction, with the records that it changed (None: forgotten)
Hook: TypeAlias = Callable[[apsw.Connection, Mapping[Key, Record | None]], None]
_TOUCHED_MAX = 4096  # records that are kept decoded; then they are written, in the same transaction


class Moment(NamedTuple):
    """When something is written, as well as this node knows.

    `now_ms` by the hub's time where it is known, by the wall clock where it is not; `is_known`: whether the stamp is
    final, because that time is known or a session stands with a hub that has none. `boot` names the machine's start,
    `boot_ms` are milliseconds since then, `wall_ms` is what the wall clock says.
    """

    now_ms: int
    is_known: bool = True
    boot: bytes = b""
    boot_ms: int = 0
    wall_ms: int = 0


class Transaction:
    """Made by `Partition.write`. After an exception it is over.

    Of `state` a session changes `epoch`, `known_ms` and `refused` itself.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        path: Path,
        part: int,
        stored: State,
        hooks: Sequence[Hook],
    ) -> None:
        self._connection, self._part, self._hooks = connection, part, hooks
        self._records = Records(connection, path, part)
        self._copies = Copies(connection, path, part, stored.name.lane, stored.name.partition)
        self.state = stored
        self.clock = HybridClock(stored.name.node, stored.clock)
        self._own = self._copies.get(stored.name)
        self._touched: dict[Key, Record | None] = {}
        self._raws: list[bytes] = []  # written here and not yet in the log
        self._whence: list[Whence] = []

        self._lacks_snapshot = False
        self._is_half_done = False

    # ------------------------------------------------------------ this node's own
    @property
    def has_unsettled(self) -> bool:
        """Whether changes wait for the time to be known."""
        return self._own.head.position + len(self._raws) > self.state.settled

    def record(self, key: Key) -> Record | None:
        """As it is at this point of the transaction. Not to be changed by hand."""
        return self._touched[key] if key in self._touched else self._records.get(key)

    def write(self, key: Key, edit: Edit, moment: Moment) -> Stamp:
        """A change of this node's. Where the edit raises, or its value cannot be stored, nothing has happened."""
        stamp = self.clock.tick(moment.now_ms)
        found = self.record(key)
        record = Record() if found is None else found
        change = Change(stamp, *key, edit(record, stamp))
        raw = wire.encode(change)
        if self.has_unsettled or not moment.is_known:
            self._records.keep_before(key, found)
        else:
            self.state.settled += 1
        apply(record, change)
        self._touch(key, record)
        self._raws.append(raw)
        self._whence.append(Whence(moment.boot, moment.boot_ms, moment.wall_ms))
        return stamp

    def settle(self, timeline: Timeline | None, floor: Stamp) -> int:
        """Stamps become final, the first thing in a session; how many had to change.

        `timeline` is None where the hub knows no time: they stay as they are. `floor`: of forgotten deletions.
        """
        self.flush()
        own, moved = self._own, 0
        common = self.state.settled
        written = list(own.rows(common, own.head.position))
        if written and timeline is not None:
            node = self.state.name.node
            heard = stamp_of(self.clock.heard, node)
            found = settle_stamps(
                written,
                node,
                timeline,
                after=max(floor, own.stamp_at(common), heard),
                known_ms=self.state.known_ms,
            )
            moved = found.moved
            if moved:
                self._move(common, found, [Whence(*row[1:]) for row in written])
        self.state.settled = own.head.position
        self._records.drop_before()
        return moved

    def _move(self, common: int, found: Settled, whence: list[Whence]) -> None:
        self._is_half_done = True
        self._own.cut(common)
        self._own.write(found.changes, whence)
        self._copies.save(self._own)
        changes: dict[Key, list[Change]] = {}
        for change in map(wire.decode, found.changes):
            changes.setdefault((change.space, change.key), []).append(change)
        for key, base in self._records.before().items():
            self._touch(key, snapshot.rebuild(base, changes.get(key, ())))
        self.clock.rewind(found.last)
        self._is_half_done = False

    def accepted(self, head: Head) -> None:
        """The hub has this node's log up to there."""
        self.flush()
        own = self._own
        self.state.acked = up = min(head.position, own.head.position)
        if own.log.floor.position < up and own.hash_at(up) == head.hash:
            self.clock.observe(own.stamp_at(up))

    def renew(self, name: LogName) -> None:
        """Go on in a new incarnation; the old one's log is somebody else's from now on."""
        self._demand_settled()
        self.flush()
        self.clock = HybridClock(name.node, self.clock.state)
        self._own = self._copies.get(name)
        self.state.name, self.state.acked = name, 0
        self.state.settled = self._own.head.position

    def issue_again(
        self, common: int, name: LogName, changes: Sequence[bytes], last: int | None = None
    ) -> None:
        """The own log ends at `common`, and these follow in another one; `last`: where the clock goes on.

        `replace` has to follow in the same transaction, for records hold what both lives wrote.
        """
        self._demand_settled()
        self.flush()
        self._own.cut(common)
        self._copies.save(self._own)
        self.renew(name)
        self._own.clear()  # a reader may have issued it too
        self._own.write(changes)
        self._copies.save(self._own)
        self.state.settled = self._own.head.position
        if last is not None:
            self.clock.rewind(last)
        self._lacks_snapshot = True

    # ------------------------------------------------------------ what others wrote
    def take(self, batch: Batch) -> Answer:
        """A batch of another origin's log, with its records and the cursor.

        Changes that are stored already have no effect. What continues this node's own log is answered with FORK and
        not stored: somebody writes in its name. Raises BusyError while changes are unsettled, UpstreamError for bytes
        that are no change.
        """
        self._demand_settled()
        self.flush()
        is_own = batch.name == self.state.name
        copy = self._own if is_own else self._copies.find(batch.name)
        held, hash_at = (
            (log.empty(batch.name), _nothing) if copy is None else (copy.log, copy.hash_at)
        )
        found = log.append(held, batch, hash_at)
        if found.answer is not Answer.ACCEPT:
            return found.answer
        if is_own:
            return Answer.FORK
        raws = batch.changes[found.skip :]
        changes = [wire.decode(raw) for raw in raws]
        self._is_half_done = True
        copy = copy or self._copies.get(batch.name)
        copy.add(found.log, raws, found.hashes[found.skip :], [Whence()] * len(raws))
        self._copies.save(copy)
        for change in changes:
            key = (change.space, change.key)
            record = self.record(key) or Record()
            apply(record, change)
            self._touch(key, record)
            self.clock.observe(change.stamp)
        self._is_half_done = False
        return found.answer

    def replace(
        self,
        heads: Mapping[LogName, tuple[Head, Stamp]],
        records: Iterable[tuple[Key, Record]],
    ) -> None:
        """A snapshot instead of what is here: its heads with the stamps of the changes there, and its records.

        What this node wrote and the snapshot does not have is put on top.
        """
        self._demand_settled()
        self.flush()
        own = self._own
        upto, _ = heads.get(self.state.name, (self.state.name.start, b""))
        pending = own.after(max(own.log.floor.position, upto.position))
        self._is_half_done = True
        self._take_heads(heads)
        for key, record in snapshot.replace(
            self._records.keys(), records, [wire.decode(raw) for raw in pending]
        ):
            self._touch(key, record)
        self.state.forget = None
        self._lacks_snapshot = self._is_half_done = False

    def _take_heads(self, heads: Mapping[LogName, tuple[Head, Stamp]]) -> None:
        """The copies here end where the snapshot does."""
        for name, (head, stamp) in heads.items():
            self.clock.observe(stamp)
            if name == self.state.name:
                continue
            copy = self._copies.get(name)
            floor, mine = copy.log.floor.position, copy.head.position
            if floor <= head.position <= mine and copy.hash_at(head.position) == head.hash:
                copy.cut(head.position)
            else:
                copy.begin_at(head, stamp)
            self._copies.save(copy)
        for name, copy in self._copies.all().items():
            if name not in heads and name != self.state.name:
                self._copies.remove(copy)

    # ------------------------------------------------------------ what goes
    def trim(self, safe: Mapping[LogName, Head], hashes_kept: int = HASHES_KEPT) -> None:
        """Drop the bytes of what every backup of the hub has: the same, not only as many. Hashes stay for a while."""
        self.flush()
        for name, copy in self._copies.all().items():
            copy = self._own if name == self.state.name else copy
            head = safe.get(name)
            if head is None or (copy is self._own and self.has_unsettled):
                continue  # what is not settled yet may still get other bytes
            if copy.hash_at(head.position) == head.hash:
                copy.trim(head.position, hashes_kept)
                self._copies.save(copy)

    def forget(self, floor: Stamp, heads: Mapping[LogName, Head], now_ms: int) -> int:
        """Deletions below a floor go once all that the hub had when it told it is here; how many went."""
        self.flush()
        self.state.forget = self.state.forget or (floor, list(heads.items()))
        floor, wanted = self.state.forget
        mine = {name: copy.head.position for name, copy in self._copies.all().items()}
        if any(mine.get(name, 0) < head.position for name, head in wanted):
            return 0
        self.state.forget = None
        gone = [k for k, record in self._records.all() if horizon.may_drop(record, floor, now_ms)]
        for key in gone:
            self._touch(key, None)
        return len(gone)

    # ------------------------------------------------------------ the end
    def _touch(self, key: Key, record: Record | None) -> None:
        self._touched[key] = record
        if len(self._touched) > _TOUCHED_MAX:
            self._flush_records()

    def flush(self) -> None:
        """Write what is kept decoded; it is durable when the transaction ends."""
        if self._raws:
            self._own.write(self._raws, self._whence)
            self._copies.save(self._own)
            self._raws, self._whence = [], []
        self._flush_records()

    def _flush_records(self) -> None:
        if self._touched:
            touched, self._touched = self._touched, {}
            self._records.save(touched)
            for hook in self._hooks:
                hook(self._connection, touched)

    def finish(self) -> None:
        """Called by `Partition.write`, as the last thing before the commit."""
        if self._is_half_done:
            raise BugError("bug.unexpected", "a transaction went on after an error")
        if self._lacks_snapshot:
            raise BugError("bug.unexpected", "changes were issued again and no snapshot replaced")
        self.flush()
        self.state.clock = self.clock.state
        state.save(self._connection, self._part, self.state)

    def _demand_settled(self) -> None:
        if self.has_unsettled:
            raise BusyError(
                "sync.unsettled",
                f"{self.state.name.partition}: changes made while the time was unknown wait for a session",
                hint="settle them first",
            )


def _nothing(_: int) -> None:
    """No hash is known."""
