"""A store's life under a recorder, and what a crash at any step of it has to leave.

The state after each transaction is written down with the number of steps at its acknowledgement. What is found
after a crash must be exactly one of two: the last acknowledged one, or the one that was being written.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

from skerry.storage.blobs import Blobs
from skerry.storage.database import Database
from skerry.sync.clock import ZERO
from skerry.sync.drift import learn
from skerry.sync.log import Head
from skerry.sync.merge.record import Record
from skerry.sync.snapshot import Key
from skerry.sync.store.partition import Partition
from skerry.sync.store.schema import open_database
from skerry.sync.store.transaction import Moment
from tests.support.disk.image import build
from tests.support.disk.recorder import Recorder, Step
from tests.support.shelf import NOW, NOW_MS, OWN, adding, other, putting

KEYS = [("s", str(number)) for number in range(6)]
EARLY_CHECKPOINT_PAGES = 24


def open_store(folder: Path, vfs: str = "") -> tuple[Database, Partition]:
    """With a room's index, which has to agree with the records."""
    database = open_database(folder / "edge.db", vfs=vfs)
    with database.write() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS seen(key PRIMARY KEY, stamp)")
        connection.pragma("wal_autocheckpoint", EARLY_CHECKPOINT_PAGES)
    partition = Partition(database, OWN)
    partition.on_apply(_index)
    return database, partition


def _index(connection: apsw.Connection, touched: Mapping[Key, Record | None]) -> None:
    for (_, key), record in touched.items():
        stamp = None if record is None else record.stamp
        connection.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (key, stamp))


def state_of(database: Database, partition: Partition) -> object:
    """All that is stored."""
    reader = partition.reader()
    logs = reader.logs()
    changes = {name: reader.after(name, log.floor.position) for name, log in logs.items()}
    seen = database.reader().execute("SELECT key, stamp FROM seen ORDER BY key").fetchall()
    return logs, changes, dict(reader.records()), reader.state(), reader.unsettled(), seen


class Acknowledged(NamedTuple):
    """After so many steps: the state, and the blobs that have to be there."""

    steps: int
    state: object
    blobs: frozenset[str]


class Life:
    """Recorded once; then it can be cut off anywhere. `deaf`: a disk that says it has synced and has not."""

    def __init__(self, folder: Path, seed: int, length: int = 14, deaf: str = "") -> None:
        self.acknowledged: list[Acknowledged] = []
        self._chance = random.Random(seed)
        self._blobs: frozenset[str] = frozenset()
        self._origins = [other(2), other(3)]
        self._upto = [0, 0]
        self._boot_ms = 0
        folder.mkdir()
        self._recorder = Recorder(folder)
        self._folder = folder
        self._live(length)
        self.steps: list[Step] = [
            step for step in self._recorder.steps if not deaf or step.kind != deaf
        ]
        self._kept = [not deaf or step.kind != deaf for step in self._recorder.steps]
        self._recorder.close()

    def moments(self) -> Iterator[tuple[int, int]]:
        """(steps that remain, steps that were done): every place to be cut off at."""
        remaining = 0
        yield 0, 0
        for done, kept in enumerate(self._kept, 1):
            remaining += kept
            yield remaining, done

    # ------------------------------------------------------------ living
    @contextmanager
    def _opened(self) -> Iterator[tuple[Database, Partition, Blobs]]:
        database, partition = open_store(self._folder, self._recorder.vfs)
        try:
            yield database, partition, Blobs(self._folder / "blobs", self._recorder.files)
        finally:
            database.close()

    def _live(self, length: int) -> None:
        for _ in range(
            2
        ):  # closing checkpoints, and the second opening finds what the first one left
            with self._opened() as (database, partition, blobs):
                self._acknowledge(database, partition)
                for _ in range(length // 2):
                    self._act(partition, blobs)
                    self._acknowledge(database, partition)

    def _acknowledge(self, database: Database, partition: Partition) -> None:
        state = state_of(database, partition)
        self.acknowledged.append(Acknowledged(len(self._recorder.steps), state, self._blobs))

    def _act(self, partition: Partition, blobs: Blobs) -> None:
        chance = self._chance
        match chance.choice(["write", "write", "take", "take", "blob", "unsettled", "trim"]):
            case "write":
                with partition.write() as transaction:
                    for _ in range(chance.randint(1, 4)):
                        value = chance.randbytes(chance.choice([10, 300, 5000]))
                        edit = chance.choice([putting(value), adding(1)])
                        transaction.write(chance.choice(KEYS), edit, NOW)
            case "take":
                self._take(partition)
            case "blob":
                name = blobs.put([chance.randbytes(chance.choice([1, 700, 9000]))])
                self._blobs |= {name}
                with partition.write() as transaction:
                    transaction.write(("s", "blob"), putting(name), NOW)
            case "unsettled":
                self._boot_ms += 5
                with partition.write() as transaction:
                    moment = Moment(self._boot_ms, False, b"boot", self._boot_ms, self._boot_ms)
                    transaction.write(chance.choice(KEYS), putting(1), moment)
            case "trim":
                reader = partition.reader()
                with partition.write() as transaction:
                    for name, log in reader.logs().items():
                        position = chance.randint(log.floor.position, log.head.position)
                        found = reader.hash_at(name, position)
                        assert found is not None
                        transaction.trim({name: Head(position, found)})

    def _take(self, partition: Partition) -> None:
        which = self._chance.randrange(2)
        origin = self._origins[which]
        for _ in range(self._chance.randint(1, 5)):
            edit = self._chance.choice([putting(self._chance.randbytes(200)), adding(1)])
            origin.write(self._chance.choice(KEYS)[1], edit)
        timeline = learn(b"boot", self._boot_ms, self._boot_ms, NOW_MS)
        with partition.write() as transaction:
            transaction.settle(timeline, ZERO)
            transaction.take(origin.batch(self._upto[which]))
        self._upto[which] = len(origin.raws)

    # ------------------------------------------------------------ after a crash
    def check(
        self, folder: Path, remaining: int, done: int, share: float, seed: int | None
    ) -> None:
        """Cut it off there, open what is left, and compare. AssertionError where something is lost or half there."""
        chance = None if seed is None else random.Random(seed)
        build(self.steps[:remaining], folder, share, chance)
        last = [at for at, known in enumerate(self.acknowledged) if known.steps <= done]
        database, partition = open_store(folder)
        try:
            blobs = Blobs(folder / "blobs")
            if not last:
                return  # it was being made: it opens, and that is all that was promised
            found = state_of(database, partition)
            allowed = [known.state for known in self.acknowledged[last[-1] : last[-1] + 2]]
            assert found in allowed, f"cut off after {done} steps, {share}, seed {seed}"
            for name in self.acknowledged[last[-1]].blobs:
                blobs.get(name)
        finally:
            database.close()
