"""Many small writes share one transaction."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from pathlib import Path

import pytest

from skerry.base.errors import BusyError, CallerError
from skerry.sync.clock import Stamp
from skerry.sync.store.group import Group
from tests.support.shelf import NOW, OWN, adding, open_at, putting


def test_what_comes_while_one_group_is_written_shares_the_next(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    begun, go_on = threading.Event(), threading.Event()
    commits: list[int] = []
    partition.on_apply(lambda _connection, touched: commits.append(len(touched)))
    group = Group(partition, lambda: NOW)

    def waiting(*_: object) -> list[object]:
        begun.set()
        go_on.wait()
        return []

    first = group.write(("s", "first"), waiting)  # type: ignore[arg-type]  # an edit of nothing
    begun.wait()
    rest = [group.write(("s", str(n)), putting(n)) for n in range(100)]
    assert not any(done.done() for done in rest)
    go_on.set()
    stamps = [done.result(5) for done in (first, *rest)]
    assert stamps == sorted(stamps)
    assert commits == [1, 100]
    group.close()
    database.close()


def test_it_is_acknowledged_only_once_it_is_committed(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    group, reader = Group(partition, lambda: NOW), partition.reader()
    stamp = group.write(("s", "a"), putting(1)).result(5)
    record = reader.record(("s", "a"))
    assert record is not None
    assert record.stamp == stamp
    group.close()
    database.close()


def test_an_edit_that_fails_fails_alone(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    group = Group(partition, lambda: NOW)

    def broken(*_: object) -> list[object]:
        raise ZeroDivisionError

    done: list[Future[Stamp]] = [
        group.write(("s", "a"), adding(1)),
        group.write(("s", "a"), broken),  # type: ignore[arg-type]  # it returns nothing at all
        group.write(("s", "a"), putting(2**70)),
        group.write(("s", "a"), adding(1)),
    ]
    group.close()
    assert done[0].result()
    with pytest.raises(ZeroDivisionError):
        done[1].result()
    with pytest.raises(CallerError):
        done[2].result()
    assert done[3].result()
    assert len(partition.reader().after(OWN, 0)) == 2
    database.close()


def test_when_the_commit_fails_nobody_is_told_otherwise(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")

    def fail(*_: object) -> None:
        raise BusyError("storage.full", "no room")

    partition.on_apply(fail)
    group = Group(partition, lambda: NOW)
    with pytest.raises(BusyError, match="no room"):
        group.write(("s", "a"), putting(1)).result(5)
    group.close()
    assert partition.reader().after(OWN, 0) == []
    with pytest.raises(BusyError) as told:
        group.write(("s", "a"), putting(1))
    assert told.value.code == "sync.closed"
    database.close()


def test_many_threads(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    group = Group(partition, lambda: NOW)

    def write() -> None:
        for _ in range(50):
            group.write(("s", "n"), adding(1)).result(10)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    group.close()
    record = partition.reader().record(("s", "n"))
    assert record is not None
    assert sum(slot.total for slot in record.counters["n",].added.values()) == 400
    database.close()
