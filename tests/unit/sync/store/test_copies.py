"""Copies of logs as rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.errors import BugError, UpstreamError
from skerry.sync.log import BATCH_BYTES_MAX
from tests.support.shelf import NOW, OWN, open_at, other, putting


def test_what_was_trimmed_keeps_some_of_its_hashes(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    origin = other()
    for number in range(10):
        origin.write("a", putting(number))
    with partition.write() as transaction:
        transaction.take(origin.batch(0))
        transaction.trim({origin.name: origin.head(8)}, hashes_kept=3)
    reader = partition.reader()
    assert reader.after(origin.name, 8) == origin.raws[8:]
    known = [n for n in range(11) if reader.hash_at(origin.name, n) is not None]
    assert known == [0, 6, 7, 8, 9, 10]
    assert reader.hash_at(origin.name, 6) == origin.head(6).hash
    with pytest.raises(BugError, match="below the floor"):
        reader.after(origin.name, 7)
    database.close()


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE entry SET raw = zeroblob(length(raw)) WHERE at & 255 = 2",
        "DELETE FROM entry WHERE at & 255 = 2",
        "DELETE FROM entry WHERE at & 255 = 3",
    ],
)
def test_changes_that_are_not_what_was_stored_are_not_sent(tmp_path: Path, harm: str) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    with partition.write() as transaction:
        for number in range(3):
            transaction.write(("s", "a"), putting(number), NOW)
    with database.write() as connection:
        connection.execute(harm)
    with pytest.raises(UpstreamError, match=r"edge\.db.*log .*, change .* of 3") as told:
        partition.reader().batch(OWN, 0, 3)
    assert told.value.code == "storage.damaged"
    database.close()


def test_a_batch_is_no_larger_than_an_envelope(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    with partition.write() as transaction:
        for number in range(5):
            transaction.write(("s", str(number)), putting(bytes(BATCH_BYTES_MAX // 3)), NOW)
    reader = partition.reader()
    batch = reader.batch(OWN, 0, 100)
    assert len(batch.changes) == 2
    assert batch.hashes()[-1] == batch.end == reader.hash_at(OWN, 2)
    database.close()
