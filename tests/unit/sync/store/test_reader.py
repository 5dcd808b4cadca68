"""What can be asked of a partition."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.sync.merge.view import view
from skerry.sync.store.partition import Partition
from tests.support.shelf import NOW, NOW_MS, OWN, open_at, other, putting


def test_inside_still_all_calls_see_the_same(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    reader = partition.reader()
    with reader.still():
        assert reader.record(("s", "a")) is None
        with partition.write() as transaction:
            transaction.write(("s", "a"), putting(1), NOW)
        assert reader.record(("s", "a")) is None
        assert reader.logs()[OWN].head.position == 0
    record = reader.record(("s", "a"))
    assert record is not None
    shown = view(record, NOW_MS)
    assert shown is not None
    assert shown.value == 1
    database.close()


def test_partitions_in_one_file_do_not_see_each_other(tmp_path: Path) -> None:
    database, one = open_at(tmp_path / "edge.db")
    two = Partition(database, OWN._replace(partition="elsewhere"))
    with one.write() as transaction:
        transaction.write(("s", "a"), putting(1), NOW)
    assert two.reader().record(("s", "a")) is None
    assert {name.partition for name in two.reader().logs()} == {"elsewhere"}
    assert two.reader().state().clock != one.reader().state().clock
    database.close()


def test_the_cursor_is_where_each_log_of_others_stands(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    origin = other()
    origin.write("a", putting(1))
    partition.take(origin.batch(0))
    with partition.write() as transaction:
        transaction.state.epoch = b"life"
        transaction.write(("s", "b"), putting(2), NOW)
    cursor = partition.reader().cursor()
    assert cursor.epoch == b"life"
    assert cursor.heads == {origin.name: origin.head(1)}
    database.close()


def test_a_log_that_nobody_has_heard_of(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    reader, name = partition.reader(), other().name
    assert reader.hash_at(name, 0) == name.start.hash
    assert reader.hash_at(name, 1) is None
    with pytest.raises(LookupError):
        reader.batch(name, 0, 1)
    database.close()
