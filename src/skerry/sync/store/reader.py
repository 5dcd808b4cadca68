"""What can be asked of a partition: by one thread, through a connection of its own, never waiting for the writer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from skerry.base import tables
from skerry.storage import fault
from skerry.sync.cursor import Cursor
from skerry.sync.log import Batch, Head, Log, LogName
from skerry.sync.merge.record import Record
from skerry.sync.settle import Written
from skerry.sync.snapshot import Key
from skerry.sync.store import state
from skerry.sync.store.copies import Copies, Copy
from skerry.sync.store.records import Records
from skerry.sync.store.state import State

HASHES_KEPT: int = tables.load("sync")["limits"]["hashes_kept"]


class Reader:
    """Each call sees the latest commit; inside `with reader.still()` all see the same one.

    Raises UpstreamError (`storage.damaged`) where what is stored is not what was written.
    """

    def __init__(
        self, connection: apsw.Connection, path: Path, part: int, lane: str, partition: str
    ) -> None:
        self._connection, self._path, self._part = connection, path, part
        self._records = Records(connection, path, part)
        self._copies = Copies(connection, path, part, lane, partition)

    def close(self) -> None:
        """Done with it. One that is forgotten closes by itself."""
        self._connection.close()

    @contextmanager
    def still(self) -> Iterator[None]:
        """What is committed meanwhile is not seen. Keep it short: the log cannot be checkpointed past it."""
        with fault.told(self._path, self._connection):
            self._connection.execute("BEGIN")
            try:
                yield
            finally:
                self._connection.execute("COMMIT")

    # ------------------------------------------------------------ records
    def record(self, key: Key) -> Record | None:
        """The caller's own copy; None where there is none."""
        return self._records.get(key)

    def records(self, space: str | None = None) -> Iterator[tuple[Key, Record]]:
        """In the order of their keys: of a space, or of the partition."""
        return self._records.all(space)

    def conflicts(self) -> list[Key]:
        """Records that hold versions beside each other; whether a person has to choose, their view says."""
        with fault.told(self._path, self._connection):
            return self._records.keys("conflict")

    # ------------------------------------------------------------ logs
    def logs(self) -> dict[LogName, Log]:
        """All that anything was heard of."""
        with fault.told(self._path, self._connection):
            return {name: copy.log for name, copy in self._copies.all().items()}

    def hash_at(self, name: LogName, position: int) -> bytes | None:
        """The hash after a change, also for a while after the change is no longer kept."""
        with fault.told(self._path, self._connection):
            copy = self._copies.find(name)
            if copy is None:
                return name.start.hash if position == 0 else None
            return copy.hash_at(position)

    def batch(self, name: LogName, begin: int, count: int) -> Batch:
        """What follows a position of a log that is not below its floor, as one envelope carries it."""
        with fault.told(self._path, self._connection):
            return self._known(name).batch(begin, count)

    def after(self, name: LogName, position: int) -> list[bytes]:
        """All changes that follow a position not below the floor."""
        with fault.told(self._path, self._connection):
            return self._known(name).after(position)

    def stamp_at(self, name: LogName, position: int) -> bytes:
        """Of a change not below the floor; ZERO at a log's beginning."""
        with fault.told(self._path, self._connection):
            return self._known(name).stamp_at(position)

    def _known(self, name: LogName) -> Copy:
        found = self._copies.find(name)
        if found is None:
            raise LookupError(f"no log {name}")
        return found

    # ------------------------------------------------------------ where it stands
    def state(self) -> State:
        """Clock, acknowledgement, and what else one row holds."""
        with fault.told(self._path, self._connection):
            return state.load(self._connection, self._part)

    def cursor(self) -> Cursor:
        """Up to where each log of others is applied, and in which life of the hub."""
        with fault.told(self._path, self._connection):
            own = self.state()
            heads: dict[LogName, Head] = {
                name: copy.head for name, copy in self._copies.all().items() if name != own.name
            }
            return Cursor(own.epoch, heads)

    def unsettled(self) -> list[Written]:
        """This node's changes whose stamps may still change, oldest first."""
        with fault.told(self._path, self._connection):
            own = self.state()
            copy = self._copies.find(own.name)
            if copy is None or own.settled >= copy.head.position:
                return []
            return list(copy.rows(own.settled, copy.head.position))
