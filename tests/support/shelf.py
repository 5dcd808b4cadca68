"""Partitions of a made-up edge for the store's tests, and what other origins send them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from skerry.storage.database import Database
from skerry.sync import change as wire
from skerry.sync import log
from skerry.sync.change import Change, Known, Later, Write
from skerry.sync.clock import HybridClock, Stamp
from skerry.sync.log import Batch, Head, LogName
from skerry.sync.merge import write
from skerry.sync.merge.record import Record
from skerry.sync.store.partition import Partition
from skerry.sync.store.schema import open_database
from skerry.sync.store.transaction import Edit, Moment

NOW_MS = 1_764_000_000_000
OWN = LogName("state", "shop", b"edge1", 0)
NOW = Moment(NOW_MS)


def open_at(path: Path, vfs: str = "") -> tuple[Database, Partition]:
    """The edge's own partition."""
    database = open_database(path, vfs=vfs)
    return database, Partition(database, OWN)


def putting(value: object) -> Edit:
    """The record is to be that."""
    return lambda record, _: [write.put(record, value)]


def adding(delta: int) -> Edit:
    """A counter grows."""
    return lambda record, stamp: [write.add(record, ("n",), delta, stamp)]


def beside(value: object) -> Callable[[Record, Stamp], list[Known | Later]]:
    """A version beside those that it does not know."""
    return lambda _record, _stamp: [Write((), value, {})]


class Origin:
    """Another one: it writes a log, and its batches can be had again."""

    def __init__(self, name: LogName) -> None:
        self.name, self.clock = name, HybridClock(name.node)
        self.raws: list[bytes] = []

    def write(self, key: str, edit: Edit, record: Record | None = None) -> None:
        stamp = self.clock.tick(NOW_MS)
        change = Change(stamp, "s", key, edit(record or Record(), stamp))
        self.raws.append(wire.encode(change))

    def head(self, position: int) -> Head:
        at = self.name.start.hash
        for raw in self.raws[:position]:
            at = log.roll(at, raw)
        return Head(position, at)

    def batch(self, begin: int, end: int | None = None) -> Batch:
        return log.sealed(self.name, self.head(begin), self.raws[begin:end])


def other(number: int = 2) -> Origin:
    """By number."""
    return Origin(OWN._replace(origin=b"edge%d" % number))
