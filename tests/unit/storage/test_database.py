"""One file: who may open it, what is refused, what a transaction promises."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from skerry.base.errors import BugError, BusyError, ConfigError, SkerryError, UpstreamError
from skerry.storage.database import Database, Kind

KIND = Kind("shelf", 0x5348454C, ["CREATE TABLE row(number INTEGER PRIMARY KEY, value BLOB)"])
NEXT = KIND._replace(schema=[*KIND.schema, "ALTER TABLE row ADD COLUMN more TEXT"])


def put(database: Database, number: int, value: bytes = b"v") -> None:
    with database.write() as writer:
        writer.execute("INSERT INTO row(number, value) VALUES (?, ?)", (number, value))


def numbers(connection: apsw.Connection) -> list[int]:
    return [number for (number,) in connection.execute("SELECT number FROM row ORDER BY number")]


def code_of(path: Path, kind: Kind = KIND) -> str:
    with pytest.raises(SkerryError) as told:
        Database.open(path, kind)
    assert path.name in told.value.message
    assert told.value.hint
    return told.value.code


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    with Database.open(tmp_path / "a.db", KIND) as database:
        put(database, 1)
    with Database.open(tmp_path / "a.db", KIND) as database:
        assert numbers(database.reader()) == [1]


def test_it_is_written_ahead_and_synced_on_every_commit(tmp_path: Path) -> None:
    with Database.open(tmp_path / "a.db", KIND) as database, database.write() as writer:
        assert writer.pragma("journal_mode") == "wal"
        assert writer.pragma("synchronous") == 2


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    with Database.open(tmp_path / "a.db", KIND) as database:
        put(database, 1)
        files = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert files == dict.fromkeys(["a.db", "a.db-wal", "a.db-shm", "a.db.lock"], 0o600)


def test_an_exception_undoes_all_of_a_transaction(tmp_path: Path) -> None:
    with Database.open(tmp_path / "a.db", KIND) as database:
        with pytest.raises(ZeroDivisionError), database.write() as writer:  # noqa: PT012 - the write goes first
            writer.execute("INSERT INTO row(number) VALUES (1)")
            raise ZeroDivisionError
        put(database, 2)
        assert numbers(database.reader()) == [2]


def test_readers_see_what_is_committed_and_cannot_write(tmp_path: Path) -> None:
    with Database.open(tmp_path / "a.db", KIND) as database:
        reader = database.reader()
        with database.write() as writer:
            writer.execute("INSERT INTO row(number) VALUES (1)")
            assert numbers(reader) == []
        assert numbers(reader) == [1]
        with pytest.raises(apsw.ReadOnlyError):
            reader.execute("DELETE FROM row")


def test_a_reader_that_is_forgotten_is_closed(tmp_path: Path) -> None:
    with Database.open(tmp_path / "a.db", KIND) as database:
        for _ in range(5):
            numbers(database.reader())
        kept = database.reader()
        assert list(database._readers) == [kept]
    with pytest.raises(apsw.ConnectionClosedError):
        numbers(kept)


def test_one_thread_at_a_time_writes(tmp_path: Path) -> None:
    with Database.open(tmp_path / "a.db", KIND) as database:
        threads = [threading.Thread(target=put, args=(database, n)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert numbers(database.reader()) == list(range(16))


def test_a_transaction_in_a_transaction_is_our_mistake(tmp_path: Path) -> None:
    with Database.open(tmp_path / "a.db", KIND) as database:
        with pytest.raises(BugError), database.write(), database.write():
            pass
        put(database, 1)


def test_a_second_opener_is_told_who_has_it(tmp_path: Path) -> None:
    with (
        Database.open(tmp_path / "a.db", KIND, who="data of shop"),
        pytest.raises(BusyError, match="data of shop"),
    ):
        Database.open(tmp_path / "a.db", KIND)
    Database.open(tmp_path / "a.db", KIND).close()


def test_an_older_format_is_brought_up_to_date(tmp_path: Path) -> None:
    with Database.open(tmp_path / "a.db", KIND) as database:
        put(database, 1)
    with Database.open(tmp_path / "a.db", NEXT) as database:
        assert database.reader().execute("SELECT number, more FROM row").get == (1, None)


def test_a_newer_format_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    code = f"""
from pathlib import Path
from skerry.storage.database import Database, Kind
database = Database.open(Path({str(path)!r}), Kind(*{tuple(NEXT)!r}))
with database.write() as writer:
    writer.execute("INSERT INTO row(number) VALUES (1)")
import os
os._exit(0)
"""
    # killed, so that all of it still lies in the log beside the file
    subprocess.run([sys.executable, "-c", code], check=True)
    files = [path, path.with_name("a.db-wal")]
    before = [file.read_bytes() for file in files]
    assert code_of(path) == "storage.newer"
    assert [file.read_bytes() for file in files] == before
    with Database.open(path, NEXT) as database:
        assert numbers(database.reader()) == [1]


def test_a_database_of_somebody_else_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs(x)")
    before = path.read_bytes()
    assert code_of(path) == "storage.foreign"
    assert path.read_bytes() == before


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"hello" * 2000)
    assert code_of(tmp_path / "a.db") == "storage.damaged"


def test_a_damaged_page_is_named_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Database.open(path, KIND) as database:
        for number in range(100):
            put(database, number, bytes(1000))
    with path.open("r+b") as file:  # the head of a page in the middle
        file.seek(10 * 4096)
        file.write(b"\xff" * 64)
    with pytest.raises(UpstreamError, match="damaged") as told:
        Database.open(path, KIND)
    assert told.value.code == "storage.damaged"
    assert "-wal" in told.value.hint
    # it is not held: what can be read of it can be
    Database.open(path, KIND, check=False).close()


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: "3.51.2")
    with pytest.raises(ConfigError, match=r"3\.51\.2") as told:
        Database.open(tmp_path / "a.db", KIND)
    assert told.value.code == "storage.old_sqlite"
    assert not (tmp_path / "a.db").exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert code_of_missing(tmp_path / "nowhere" / "a.db") == "storage.unusable"


def code_of_missing(path: Path) -> str:
    with pytest.raises(ConfigError) as told:
        Database.open(path, KIND)
    return told.value.code


FULL = """
import resource, sys
from pathlib import Path
from skerry.base.errors import BusyError
from skerry.storage.database import Database, Kind

database = Database.open(Path(sys.argv[1]), Kind(*{kind!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
stored = 0
while True:
    try:
        with database.write() as writer:
            writer.execute("INSERT INTO row VALUES (?, zeroblob(20000))", (stored,))
    except BusyError as error:
        print(error.code)
        break
    stored += 1
assert database.reader().execute("SELECT count(*) FROM row").get == stored > 5
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with database.write() as writer:  # there is room again
    writer.execute("INSERT INTO row VALUES (?, zeroblob(20000))", (stored,))
print(stored + 1)
database.close()
"""


def test_no_room_is_said_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    program = FULL.format(kind=tuple(KIND))
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
    )
    code, stored = done.stdout.split()
    assert code == "storage.full"
    with Database.open(path, KIND) as database:
        assert len(numbers(database.reader())) == int(stored)
