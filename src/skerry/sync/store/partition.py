"""One partition of one lane in a node's database: a transaction for whoever writes, a reader for each thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from skerry.storage.database import Database
from skerry.sync.log import Answer, Batch, LogName
from skerry.sync.store import state
from skerry.sync.store.copies import Copies
from skerry.sync.store.reader import Reader
from skerry.sync.store.transaction import Hook, Transaction


class Partition:
    """`name` is the log that a new one begins to write; one that is there has its own (`reader().state().name`)."""

    def __init__(self, database: Database, name: LogName) -> None:
        self._database, self._hooks = database, list[Hook]()
        self._lane, self._partition = name.lane, name.partition
        with database.write() as connection:
            self._part = state.make(connection, name)
            own = state.load(connection, self._part).name
            Copies(connection, database.path, self._part, own.lane, own.partition).get(own)

    def on_apply(self, hook: Hook) -> None:
        """Run in every transaction, after its records are written. What it raises undoes the transaction."""
        self._hooks.append(hook)

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """Durable once the `with` is left; an exception undoes all of it, the clock too.

        Raises BusyError (`storage.full`) where there is no room, UpstreamError (`storage.damaged`).
        """
        with self._database.write() as connection:
            stored = state.load(connection, self._part)
            transaction = Transaction(
                connection, self._database.path, self._part, stored, self._hooks
            )
            yield transaction
            transaction.finish()

    def take(self, batch: Batch) -> Answer:
        """`Transaction.take` in one of its own."""
        with self.write() as transaction:
            return transaction.take(batch)

    def reader(self) -> Reader:
        """For one thread."""
        return Reader(
            self._database.reader(), self._database.path, self._part, self._lane, self._partition
        )
