"""Copies of logs as rows: bytes above the floor, hashes also for a while below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw
import msgspec

from skerry.base.errors import BugError
from skerry.storage import fault
from skerry.sync import log as logs
from skerry.sync.change import stamp_in
from skerry.sync.clock import ZERO, Stamp
from skerry.sync.log import Batch, Head, Log, LogName
from skerry.sync.settle import Written
from skerry.sync.store.schema import POSITION_BITS

_COLUMNS = (
    "id, origin, incarnation, floor_at, floor_hash, floor_stamp, head_at, head_hash, stamp, gaps"
)
_gaps = msgspec.msgpack.Decoder(tuple[tuple[int, int], ...])


class Whence(NamedTuple):
    """When the origin made a change, by what it knew."""

    boot: bytes | None = None
    boot_ms: int | None = None
    wall_ms: int | None = None


class Copy:
    """One log. `stamp` and `floor_stamp` are of the changes at head and floor; rows are written as they come,
    the log's own row by `Copies.save`."""

    def __init__(self, connection: apsw.Connection, path: Path, number: int, log: Log) -> None:
        self._connection, self._path = connection, path
        self.number, self.log = number, log
        self.stamp: Stamp = ZERO
        self.floor_stamp: Stamp = ZERO

    @property
    def head(self) -> Head:
        return self.log.head

    def _at(self, position: int) -> int:
        return self.number << POSITION_BITS | position

    def hash_at(self, position: int) -> bytes | None:
        """After the change at a position; None for what is not known (any more)."""
        for known in (self.log.head, self.log.floor, self.log.name.start):
            if position == known.position:
                return known.hash
        at = self._at(position)
        for table in ("entry", "past"):
            found = self._connection.execute(f"SELECT hash FROM {table} WHERE at = ?", (at,)).get
            if found is not None:
                return bytes(found)
        return None

    def at(self, position: int) -> Head:
        """Of a position that is known."""
        found = self.hash_at(position)
        if found is None:
            raise BugError("bug.unexpected", f"{self.log.name} has no hash at {position}")
        return Head(position, found)

    def stamp_at(self, position: int) -> Stamp:
        """Of the change at a position that is not below the floor; ZERO at the beginning."""
        if position == self.log.floor.position:
            return self.floor_stamp
        if position == self.log.head.position:
            return self.stamp
        return stamp_in(next(self.rows(position - 1, position)).raw)

    def rows(self, after: int, last: int) -> Iterator[Written]:
        """The changes after a position up to another one, each compared with its hash. Raises UpstreamError."""
        if after < self.log.floor.position:
            raise BugError("bug.unexpected", f"{self.log.name}: {after} is below the floor")
        rolled, position = self.at(after).hash, after
        found = self._connection.execute(
            "SELECT raw, hash, boot, boot_ms, wall_ms FROM entry WHERE at > ? AND at <= ? ORDER BY at",
            (self._at(after), self._at(last)),
        )
        for raw, stored, boot, boot_ms, wall_ms in found:
            position += 1
            rolled = logs.roll(rolled, raw)
            if rolled != stored:
                break
            yield Written(raw, boot or b"", boot_ms or 0, wall_ms or 0)
        else:
            if position == last:
                return
        name = f"{self.log.name.origin.hex()}.{self.log.name.incarnation}"
        raise fault.damaged(self._path, f"log {name}, change {position} of {last}")

    def after(self, position: int) -> list[bytes]:
        """The changes after a position that is not below the floor."""
        return [row.raw for row in self.rows(position, self.head.position)]

    def batch(self, begin: int, count: int) -> Batch:
        """What follows a position: so many changes, or as many as one envelope carries."""
        end = min(self.head.position, begin + count)
        raws = logs.envelope(row.raw for row in self.rows(begin, end))
        return Batch(self.log.name, self.at(begin), raws, self.at(begin + len(raws)).hash)

    def add(
        self, log: Log, raws: Sequence[bytes], hashes: Sequence[bytes], whence: Sequence[Whence]
    ) -> None:
        """New changes at the end of `log`, which is this one with them."""
        first = self._at(log.head.position - len(raws) + 1)
        self._connection.executemany(
            "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)",
            (
                (first + n, rolled, raw, *when)
                for n, (raw, rolled, when) in enumerate(zip(raws, hashes, whence, strict=True))
            ),
        )
        self.log, self.stamp = log, stamp_in(raws[-1])

    def write(self, raws: Sequence[bytes], whence: Sequence[Whence] | None = None) -> None:
        """The origin's own: they follow the head."""
        if raws:
            log, hashes = logs.extend(self.log, raws)
            self.add(log, raws, hashes, whence or [Whence()] * len(raws))

    def cut(self, position: int) -> None:
        """Forget all after a position: it was never there, or it is another life's."""
        head, stamp = self.at(position), self.stamp_at(position)
        self._delete("entry", position + 1, self.head.position)
        self.log, self.stamp = Log(self.log.name, self.log.floor, head), stamp

    def trim(self, position: int, hashes_kept: int) -> None:
        """Drop the bytes up to a position; so many hashes below it stay."""
        begin = self.log.floor.position
        if position <= begin:
            return
        floor_stamp, floor = self.stamp_at(position), self.at(position)
        self._connection.execute(
            "INSERT OR REPLACE INTO past SELECT at, hash FROM entry WHERE at > ? AND at <= ?",
            (self._at(begin), self._at(position)),
        )
        self._delete("entry", begin + 1, position)
        self._delete("past", 0, max(0, position - hashes_kept))
        self.log, self.floor_stamp = logs.trim(self.log, floor), floor_stamp

    def begin_at(self, head: Head, stamp: Stamp) -> None:
        """What is before is known by its effect, from a snapshot."""
        name, last = self.log.name, max(self.head.position, head.position)
        self._connection.execute(
            "INSERT OR REPLACE INTO past SELECT at, hash FROM entry WHERE at > ? AND at < ?",
            (self._at(0), self._at(head.position)),
        )
        self._delete("entry", 1, last)
        self._delete("past", head.position, last)
        # a later floor has to find this one's hash
        self._connection.execute(
            "INSERT INTO past VALUES (?, ?)", (self._at(head.position), head.hash)
        )
        self.log = Log(name, head, head)
        self.stamp = self.floor_stamp = stamp

    def clear(self) -> None:
        """All of it is another life's."""
        for table in ("entry", "past"):
            self._delete(table, 0, (1 << POSITION_BITS) - 1)
        self.log, self.stamp, self.floor_stamp = logs.empty(self.log.name), ZERO, ZERO

    def _delete(self, table: str, first: int, last: int) -> None:
        self._connection.execute(
            f"DELETE FROM {table} WHERE at >= ? AND at <= ?", (self._at(first), self._at(last))
        )


class Copies:
    """All logs of a partition, through one connection."""

    def __init__(
        self, connection: apsw.Connection, path: Path, part: int, lane: str, partition: str
    ) -> None:
        self._connection, self._path, self._part = connection, path, part
        self._lane, self._partition = lane, partition

    def find(self, name: LogName) -> Copy | None:
        """None for one that was never heard of."""
        row = self._connection.execute(
            f"SELECT {_COLUMNS} FROM log WHERE part = ? AND origin = ? AND incarnation = ?",
            (self._part, name.origin, name.incarnation),
        ).fetchone()
        return None if row is None else self._copy(row)

    def get(self, name: LogName) -> Copy:
        """Empty where there is none; then a row is made."""
        return self.find(name) or self._make(name)

    def all(self) -> dict[LogName, Copy]:
        """By name."""
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM log WHERE part = ?", (self._part,))
        return {copy.log.name: copy for copy in map(self._copy, rows.fetchall())}

    def save(self, copy: Copy) -> None:
        """The log's own row."""
        log = copy.log
        self._connection.execute(
            "UPDATE log SET floor_at = ?, floor_hash = ?, floor_stamp = ?, head_at = ?, head_hash = ?, stamp = ?, "
            "gaps = ? WHERE id = ?",
            (
                *log.floor[:2],
                copy.floor_stamp,
                *log.head[:2],
                copy.stamp,
                msgspec.msgpack.encode(log.gaps) if log.gaps else None,
                copy.number,
            ),
        )

    def remove(self, copy: Copy) -> None:
        """With all its rows."""
        copy.clear()
        self._connection.execute("DELETE FROM log WHERE id = ?", (copy.number,))

    def _make(self, name: LogName) -> Copy:
        log = logs.empty(name)
        number = self._connection.execute(
            "INSERT INTO log(part, origin, incarnation, floor_at, floor_hash, floor_stamp, head_at, head_hash, stamp) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            (self._part, name.origin, name.incarnation, *log.floor, ZERO, *log.head, ZERO),
        ).get
        return Copy(self._connection, self._path, number, log)

    def _copy(self, row: tuple[object, ...]) -> Copy:
        number, origin, incarnation, floor_at, floor_hash, floor_stamp, head_at, head_hash = row[:8]
        stamp, gaps = row[8:]
        assert isinstance(number, int)  # the table is strict: each column has its type
        assert isinstance(origin, bytes)
        assert isinstance(incarnation, int)
        assert isinstance(floor_at, int)
        assert isinstance(floor_hash, bytes)
        assert isinstance(head_at, int)
        assert isinstance(head_hash, bytes)
        assert isinstance(stamp, bytes)
        assert isinstance(floor_stamp, bytes)
        name = LogName(self._lane, self._partition, origin, incarnation)
        missing = _gaps.decode(gaps) if isinstance(gaps, bytes) else ()
        log = Log(name, Head(floor_at, floor_hash), Head(head_at, head_hash), missing)
        copy = Copy(self._connection, self._path, number, log)
        copy.stamp, copy.floor_stamp = stamp, floor_stamp
        return copy
