"""Records as rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.errors import UpstreamError
from skerry.sync.merge import write
from skerry.sync.store.records import is_split
from tests.support.shelf import NOW, beside, open_at, putting


def test_a_bit_that_flips_in_a_value_is_named_and_not_served(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    with partition.write() as transaction:
        transaction.write(("s", "a"), putting("yes"), NOW)
        transaction.write(("s", "b"), putting("yes"), NOW)
    with database.write() as connection:  # the same length: no page looks wrong
        connection.execute(
            "UPDATE record SET raw = CAST(replace(raw, 'yes', 'yet') AS BLOB) WHERE key = 'a'"
        )
    database.check()
    reader = partition.reader()
    with pytest.raises(UpstreamError, match=r"edge\.db.*the record s/a") as told:
        reader.record(("s", "a"))
    assert told.value.code == "storage.damaged"
    with pytest.raises(UpstreamError):
        list(reader.records())
    assert reader.record(("s", "b"))
    database.close()


def test_versions_beside_each_other_are_listed_until_somebody_chooses(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    reader = partition.reader()
    for value in (1, 2):
        with partition.write() as transaction:
            transaction.write(("s", "a"), beside(value), NOW)
            transaction.write(("s", "b"), putting(value), NOW)
    found = reader.record(("s", "a"))
    # a node's later version replaces its own earlier one only where it says so
    assert found is not None
    assert is_split(found)
    assert reader.conflicts() == [("s", "a")]
    with partition.write() as transaction:
        transaction.write(("s", "a"), lambda record, _: [write.write(record, (), 3)], NOW)
    assert reader.conflicts() == []
    database.close()


def test_a_space_is_read_alone(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    with partition.write() as transaction:
        for space in ("a", "b"):
            transaction.write((space, "k"), putting(1), NOW)
    assert [key for key, _ in partition.reader().records("b")] == [("b", "k")]
    assert len(list(partition.reader().records())) == 2
    database.close()
