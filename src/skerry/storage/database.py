"""One SQLite file: one connection writes and checkpoints, others read.

The connection that writes belongs to one process, and in it to one thread at a time. SQLite is apsw's own copy; no
other copy may open the file in this process (two drop each other's locks: sqlite.org/howtocorrupt.html, 2.2.1).
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from skerry.base.errors import BugError, ConfigError, SkerryError
from skerry.storage import fault
from skerry.storage.hold import Hold

# before 3.51.3 a write during a checkpoint's reset could corrupt the WAL ("WAL-reset bug", sqlite.org/wal.html)
SQLITE_MIN = (3, 51, 3)
# 32 MB: a page that is written again and again goes to its place once; to read that much anew takes 30 ms
CHECKPOINT_PAGES = 8000
WAL_BYTES_KEPT = 64 * 1024 * 1024
CACHE_KB = 16_000


class Kind(NamedTuple):
    """What a file holds. `schema[n]` makes version n + 1 out of version n; `application_id` is in the file's header."""

    name: str
    application_id: int
    schema: Sequence[str]

    @property
    def version(self) -> int:
        """The one that this program writes."""
        return len(self.schema)


class Database:
    """A file that is open. Close it with `close`, or use it in a `with`."""

    def __init__(self, path: Path, hold: Hold, connection: apsw.Connection, vfs: str) -> None:
        self.path = path
        self._hold, self._connection, self._vfs = hold, connection, vfs
        self._readers: weakref.WeakSet[apsw.Connection] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._writer: int | None = None
        self._is_open = True

    @classmethod
    def open(
        cls, path: Path, kind: Kind, *, who: str = "skerry", vfs: str = "", check: bool = True
    ) -> Database:
        """Open or make it. `check` looks at the form of every page, 0.1 s for 100 MB.

        Raises BusyError (`storage.held`, by name), ConfigError (`storage.newer`, `storage.foreign`,
        `storage.old_sqlite`, `storage.unusable`) and UpstreamError (`storage.damaged`). `vfs` is for tests.
        """
        _demand_sqlite()
        hold = Hold(path, who)
        try:
            _look(path, kind, vfs)
            with fault.told(path), fault.asked(path):
                connection = apsw.Connection(str(path), vfs=vfs or None)
                if not path.stat().st_size:  # its -wal and -shm get the same mode
                    path.chmod(0o600)
            opened = cls(path, hold, connection, vfs)
        except BaseException:  # whatever it was, nobody may be left with a lock and no database
            hold.release()
            raise
        try:
            opened._prepare(kind)
            if check:
                opened.check()
        except BaseException:  # the same
            opened._drop()
            raise
        return opened

    def _prepare(self, kind: Kind) -> None:
        connection = self._connection
        with fault.told(self.path, connection):
            connection.set_busy_timeout(1000)
            # a mode that is not taken (a file system without shared memory) would weaken all that follows
            mode = connection.pragma("journal_mode", "wal")
            if mode != "wal":
                raise fault.unusable(self.path, f"SQLite keeps to journal_mode={mode}")
            connection.pragma("synchronous", 2)
            connection.pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            connection.pragma("journal_size_limit", WAL_BYTES_KEPT)
            connection.pragma("cache_size", -CACHE_KB)
            connection.pragma("trusted_schema", 0)
            connection.pragma("cell_size_check", 1)
        version = _version(self.path, connection, kind)
        if version < kind.version:
            with self.write() as writer:
                for step in kind.schema[version:]:
                    writer.execute(step)
                writer.pragma("application_id", kind.application_id)
                writer.pragma("user_version", kind.version)

    @contextmanager
    def write(self) -> Iterator[apsw.Connection]:
        """A transaction: durable once the `with` is left, undone if it is left by an exception."""
        if self._writer == threading.get_ident():
            raise BugError("bug.unexpected", "a transaction was begun inside a transaction")
        with self._lock:
            self._writer = threading.get_ident()
            try:
                yield from self._transaction()
            finally:
                self._writer = None

    def _transaction(self) -> Iterator[apsw.Connection]:
        connection = self._connection
        if not self._is_open:
            raise BugError("bug.unexpected", f"{self.path} is closed")
        with fault.told(self.path, connection):
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:  # also an interrupt leaves no transaction half open
                if connection.in_transaction:  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                raise

    def reader(self) -> apsw.Connection:
        """A connection that only reads, for one thread; it never holds up the writer.

        It closes when it is closed or forgotten, at the latest with the database.
        """
        found = _read_only(self.path, self._vfs)
        self._readers.add(found)
        return found

    def check(self) -> None:
        """Whether all pages have the form that they should have. Raises UpstreamError (`storage.damaged`)."""
        with self._lock, fault.told(self.path, self._connection):
            found = self._connection.pragma("quick_check", 1)
        if found != "ok":
            raise fault.damaged(self.path, str(found).replace("\n", " "))

    def close(self) -> None:
        """Readers first, so that the last connection is the one that checkpoints."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._is_open:
            self._is_open = False
            try:
                for connection in [*self._readers, self._connection]:
                    connection.close()
            finally:
                self._hold.release()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _demand_sqlite() -> None:
    found = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if found < SQLITE_MIN:
        wanted = ".".join(map(str, SQLITE_MIN))
        raise ConfigError(
            "storage.old_sqlite",
            f"apsw brings SQLite {apsw.sqlite_lib_version()}, whose log can be corrupted; {wanted} is needed",
            hint="install apsw as requirements/run.txt pins it",
        )


def _look(path: Path, kind: Kind, vfs: str) -> None:
    """Refuse what is not ours before anything is written: reading alone does not even checkpoint."""
    with fault.asked(path):
        if not path.exists() or not path.stat().st_size:
            return
    connection = _read_only(path, vfs)
    try:
        _version(path, connection, kind)
    except SkerryError as error:
        # it was being made when the machine stopped: SQLite has to roll that back first, and we look again then
        if error.code != "storage.unusable" or not _is_being_made(path):
            raise
    finally:
        connection.close()


def _read_only(path: Path, vfs: str) -> apsw.Connection:
    with fault.told(path):
        found = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs or None)
        found.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        found.set_busy_timeout(1000)
    return found


def _is_being_made(path: Path) -> bool:
    return path.with_name(f"{path.name}-journal").exists()


def _version(path: Path, connection: apsw.Connection, kind: Kind) -> int:
    """The version of the file's format, 0 for an empty one. Raises ConfigError for one that is not ours."""
    with fault.told(path, connection):
        marked = connection.pragma("application_id")
        version = connection.pragma("user_version")
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if not marked and not version and not tables:
        return 0
    if marked != kind.application_id:
        raise ConfigError(
            "storage.foreign",
            f"{path} is a database, but no {kind.name} (application_id {marked})",
            hint="give another path; nothing of it was changed",
            about=str(path),
        )
    if version > kind.version:
        raise ConfigError(
            "storage.newer",
            f"{path} has format {version} of a {kind.name}; this version knows {kind.version}",
            hint="use the version of Skerry that wrote it, or a later one; nothing of it was changed",
            about=str(path),
        )
    return int(version)
