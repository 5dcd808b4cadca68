"""What the store does in a second: `python -m benchmarks.store [FOLDER]`. No peers, no goals.

Medians of five rounds, each on a new file in FOLDER (a temporary one by default: a disk in memory has no fsync to
wait for). Values have 256 bytes, keys are new in every round; a patch is of one field of five.
The lane as a whole is measured by a benchmark of its own once there is a hub.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from skerry.storage.database import Database
from skerry.sync import change as wire
from skerry.sync import log as logs
from skerry.sync.change import Assign, Change, Put
from skerry.sync.clock import HybridClock
from skerry.sync.log import Batch, LogName
from skerry.sync.merge import write
from skerry.sync.store.group import Group
from skerry.sync.store.partition import Partition
from skerry.sync.store.schema import open_database
from skerry.sync.store.transaction import Edit, Moment

NOW = Moment(1_764_000_000_000)
OWN = LogName("state", "p", b"edge1", 0)
DOCUMENT = {"temp": 21.5, "unit": "C", "site": "ams", "n": 42, "tags": ["a", "b"]}
PER_BATCH = 512
ROUNDS = 5


def putting() -> Edit:
    """256 bytes."""
    value = os.urandom(256)
    return lambda record, _: [write.put(record, value)]


def local(partition: Partition, changes: int, each: int, edit: Edit, keys: Iterator[str]) -> int:
    """So many changes, `each` of them in one transaction."""
    for _ in range(changes // each):
        with partition.write() as transaction:
            for _ in range(each):
                transaction.write(("s", next(keys)), edit, NOW)
    return changes // each * each


def grouped(partition: Partition, changes: int, keys: Iterator[str]) -> int:
    """Handed over one by one, with up to a thousand not yet acknowledged."""
    group, edit = Group(partition, lambda: NOW), putting()
    waiting = [group.write(("s", next(keys)), edit) for _ in range(changes)]
    for done in waiting:
        done.result()
    group.close()
    return changes


def batches(number: int) -> list[Batch]:
    """Envelopes of another origin: puts of 256 bytes."""
    name = OWN._replace(origin=b"other")
    clock, head, made = HybridClock(name.node), name.start, []
    for batch in range(number):
        raws = [
            wire.encode(Change(clock.tick(NOW.now_ms), "s", f"{batch}-{n}", [Put(os.urandom(256))]))
            for n in range(PER_BATCH)
        ]
        made.append(logs.sealed(name, head, raws))
        head = logs.Head(head.position + PER_BATCH, made[-1].end)
    return made


def taken(partition: Partition, ready: list[Batch]) -> int:
    """Each in a transaction of its own."""
    for batch in ready:
        partition.take(batch)
    return len(ready) * PER_BATCH


def reading(partition: Partition, number: int) -> int:
    """Records one after the other, decoded."""
    reader = partition.reader()
    for n in range(number):
        reader.record(("s", f"{n // PER_BATCH}-{n % PER_BATCH}"))
    return number


def rate(
    folder: Path, prepare: Callable[[Partition], object], work: Callable[[Partition], int]
) -> tuple[float, float]:
    """(changes a second, µs of CPU for one)."""
    found = []
    for number in range(ROUNDS):
        path = folder / f"round-{number}.db"
        database: Database = open_database(path)
        partition = Partition(database, OWN)
        prepare(partition)
        begun, used = time.perf_counter(), time.process_time()
        changes = work(partition)
        took, cpu = time.perf_counter() - begun, time.process_time() - used
        found.append((changes / took, cpu / changes * 1e6))
        database.close()
        for left in folder.glob("round-*"):
            left.unlink()
    return statistics.median(a for a, _ in found), statistics.median(b for _, b in found)


def main() -> None:
    """Print the table."""
    ready = batches(40)
    keys = map(str, count())
    hot = [str(n) for n in range(1000)]

    def patches(partition: Partition) -> int:
        again = (key for _ in count() for key in hot)
        return local(
            partition, 20_000, 100, lambda _record, _stamp: [Assign(("temp",), 22.5)], again
        )

    def documents(partition: Partition) -> None:
        local(partition, len(hot), 100, lambda record, _: [write.put(record, DOCUMENT)], iter(hot))

    def nothing(_: Partition) -> None:
        """A new file."""

    rows: dict[str, tuple[Callable[[Partition], object], Callable[[Partition], int]]] = {
        "local puts, 100 a transaction": (
            nothing,
            lambda p: local(p, 20_000, 100, putting(), keys),
        ),
        "local puts, 1 a transaction": (nothing, lambda p: local(p, 2000, 1, putting(), keys)),
        "local puts, one by one through a group": (nothing, lambda p: grouped(p, 20_000, keys)),
        "field patches, 100 a transaction": (documents, patches),
        "changes taken in, 512 a batch": (nothing, lambda p: taken(p, ready)),
        "changes taken in again (duplicates)": (
            lambda p: taken(p, ready),
            lambda p: taken(p, ready),
        ),
        "records read": (lambda p: taken(p, ready), lambda p: reading(p, 20_000)),
    }
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        print(f"{'':42}{'a second':>10}{'µs of CPU':>12}")
        for title, (prepare, work) in rows.items():
            a_second, cpu_us = rate(Path(folder), prepare, work)
            print(f"{title:42}{a_second:10,.0f}{cpu_us:12.1f}", flush=True)


if __name__ == "__main__":
    main()
