"""Records as rows. Each has a checksum: a bit that flips in a value leaves the page's form as it was."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import apsw

from skerry.storage import fault
from skerry.sync.merge import record as merge
from skerry.sync.merge.record import Record
from skerry.sync.snapshot import Key


class Records:
    """Those of one partition, through one connection."""

    def __init__(self, connection: apsw.Connection, path: Path, part: int) -> None:
        self._connection, self._path, self._part = connection, path, part

    def get(self, key: Key) -> Record | None:
        """As it is stored; the caller's own. Raises UpstreamError for one that is damaged."""
        try:
            row = self._connection.execute(
                "SELECT crc, raw FROM record WHERE part = ? AND space = ? AND key = ?",
                (self._part, *key),
            ).fetchone()
        except apsw.Error as error:
            raise fault.of_sqlite(error, self._path) or error from error
        return None if row is None else self._decode(key, row[0], row[1])

    def all(self, space: str | None = None) -> Iterator[tuple[Key, Record]]:
        """In the order of their keys; of one space, or of all."""
        wanted = "part = ? AND space = ?" if space is not None else "part = ? AND ? IS NULL"
        with fault.told(self._path, self._connection):
            for found, key, crc, raw in self._connection.execute(
                f"SELECT space, key, crc, raw FROM record WHERE {wanted} ORDER BY space, key",
                (self._part, space),
            ):
                yield (found, key), self._decode((found, key), crc, raw)

    def keys(self, table: str = "record") -> list[Key]:
        """Of records, or of those in `conflict`."""
        found = self._connection.execute(
            f"SELECT space, key FROM {table} WHERE part = ? ORDER BY space, key", (self._part,)
        )
        return [(space, key) for space, key in found]

    def save(self, changed: Mapping[Key, Record | None]) -> None:
        """Store them; None for one that goes."""
        part = self._part
        rows: list[tuple[int, str, str, int, bytes]] = []
        gone: list[Key] = []
        beside: list[tuple[int, str, str]] = []
        for key, record in changed.items():
            if record is None:
                gone.append(key)
                continue
            raw = merge.encode(record)
            rows.append((part, *key, zlib.crc32(raw), raw))
            if record.siblings and is_split(record):
                beside.append((part, *key))
        self._connection.executemany(
            "INSERT OR REPLACE INTO record(part, space, key, crc, raw) VALUES (?, ?, ?, ?, ?)", rows
        )
        self._remove("record", gone)
        if self._has_conflicts():
            self._remove("conflict", changed)
        self._connection.executemany("INSERT INTO conflict VALUES (?, ?, ?)", beside)

    def _has_conflicts(self) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM conflict WHERE part = ? LIMIT 1", (self._part,)
        )
        return found.get is not None

    def keep_before(self, key: Key, record: Record | None) -> None:
        """As it was before its first change that is not settled; what is kept already stays."""
        raw = None if record is None else merge.encode(record)
        self._connection.execute(
            "INSERT OR IGNORE INTO before VALUES (?, ?, ?, ?)", (self._part, *key, raw)
        )

    def before(self) -> dict[Key, Record | None]:
        """All that `keep_before` has kept."""
        rows = self._connection.execute(
            "SELECT space, key, raw FROM before WHERE part = ?", (self._part,)
        )
        found: dict[Key, Record | None] = {}
        for space, key, raw in rows:
            found[space, key] = None if raw is None else merge.decode(raw)
        return found

    def drop_before(self) -> None:
        """All is settled."""
        self._connection.execute("DELETE FROM before WHERE part = ?", (self._part,))

    def _remove(self, table: str, keys: Iterable[Key]) -> None:
        self._connection.executemany(
            f"DELETE FROM {table} WHERE part = ? AND space = ? AND key = ?",
            [(self._part, *key) for key in keys],
        )

    def _decode(self, key: Key, crc: int, raw: bytes) -> Record:
        if zlib.crc32(raw) != crc:
            raise fault.damaged(self._path, f"the record {key[0]}/{key[1]}")
        return merge.decode(raw)


def is_split(record: Record) -> bool:
    """Whether it holds versions beside each other."""
    return any(len(beside.versions) > 1 for beside in record.siblings.values())
