"""One partition: hooks inside the transaction, all or nothing, errors by name."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import apsw
import pytest

from skerry.base.errors import BugError, UpstreamError
from skerry.sync.log import Answer
from skerry.sync.merge.record import Record
from skerry.sync.snapshot import Key
from skerry.sync.store.partition import Partition
from skerry.sync.store.schema import open_database
from tests.support.shelf import NOW, OWN, adding, open_at, other, putting

KEY = ("s", "a")


def test_a_batch_that_comes_twice_has_its_effect_once(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    origin = other()
    origin.write("a", adding(3))
    assert partition.take(origin.batch(0)) is Answer.ACCEPT
    before = partition.reader().record(KEY)
    assert partition.take(origin.batch(0)) is Answer.DUPLICATE
    assert partition.reader().record(KEY) == before
    database.close()


def test_a_hook_writes_in_the_same_transaction(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    with database.write() as connection:
        connection.execute("CREATE TABLE by_value(value, key)")

    def index(connection: apsw.Connection, touched: Mapping[Key, Record | None]) -> None:
        for (_, key), record in touched.items():
            assert record is not None
            connection.execute("INSERT INTO by_value VALUES (?, ?)", (record.value, key))

    partition.on_apply(index)
    with partition.write() as transaction:
        transaction.write(KEY, putting(1), NOW)
        transaction.write(KEY, putting(2), NOW)
    origin = other()
    origin.write("b", putting(3))
    partition.take(origin.batch(0))
    rows = database.reader().execute("SELECT value, key FROM by_value ORDER BY value").fetchall()
    assert rows == [(2, "a"), (3, "b")]
    database.close()


def test_a_hook_that_fails_undoes_the_change_and_the_clock(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")

    def fail(_connection: apsw.Connection, _touched: Mapping[Key, Record | None]) -> None:
        raise ZeroDivisionError

    state = partition.reader().state()
    partition.on_apply(fail)
    with pytest.raises(ZeroDivisionError), partition.write() as transaction:
        transaction.write(KEY, putting(1), NOW)
    assert partition.reader().record(KEY) is None
    assert partition.reader().state() == state
    assert partition.reader().logs()[OWN].head.position == 0
    database.close()


def test_only_reading_in_a_transaction_tells_no_hook(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    with partition.write() as transaction:
        transaction.write(KEY, putting(1), NOW)
    seen: list[Key] = []
    partition.on_apply(lambda _connection, touched: seen.extend(touched))
    with partition.write() as transaction:
        assert transaction.record(KEY) is not None
        assert transaction.record(("s", "none")) is None
    assert seen == []
    database.close()


def test_a_damaged_page_is_named_by_whoever_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    database, partition = open_at(path)
    with partition.write() as transaction:
        for number in range(200):
            transaction.write(("s", str(number)), putting(bytes(500)), NOW)
    database.close()
    pages = path.stat().st_size // 4096
    with path.open("r+b") as file:
        for page in range(10, pages):
            file.seek(page * 4096)
            file.write(b"\xff" * 64)
    with pytest.raises(UpstreamError) as at_open:
        open_at(path)
    database = open_database(path, check=False)
    with pytest.raises(UpstreamError) as at_read:
        list(Partition(database, OWN).reader().records())
    with pytest.raises(UpstreamError) as at_get:
        [Partition(database, OWN).reader().record(("s", str(n))) for n in range(200)]
    for told in (at_open, at_read, at_get):
        assert told.value.code == "storage.damaged"
        assert "edge.db" in told.value.message
        assert told.value.hint
    database.close()


def test_a_transaction_does_not_go_on_after_half_a_batch(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    origin = other()
    origin.write("b", putting(1))
    origin.write("a", putting(1))
    with partition.write() as transaction:
        transaction.write(KEY, putting(0), NOW)
    with database.write() as connection:
        connection.execute("UPDATE record SET crc = crc + 1")
    with pytest.raises(BugError), partition.write() as transaction, pytest.raises(UpstreamError):
        transaction.take(origin.batch(0))
    assert origin.name not in partition.reader().logs()
    database.close()


FULL = """
import resource, sys
from pathlib import Path
from skerry.base.errors import BusyError
from tests.support.shelf import NOW, open_at, putting

database, partition = open_at(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
stored = 0
try:
    while True:
        with partition.write() as transaction:
            transaction.write(("s", str(stored)), putting(bytes(20_000)), NOW)
        stored += 1
except BusyError as error:
    print(error.code, stored)
sys.stdout.flush()
import os
os._exit(0)
"""


def test_a_full_disk_is_said_and_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], check=True, capture_output=True, text=True
    )
    code, stored = done.stdout.split()
    assert code == "storage.full"
    assert int(stored) > 5
    database, partition = open_at(path)
    reader = partition.reader()
    assert len(list(reader.records())) == len(reader.after(OWN, 0)) == int(stored)
    with partition.write() as transaction:
        transaction.write(KEY, putting(1), NOW)
    database.close()
