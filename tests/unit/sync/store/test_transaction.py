"""What one transaction does. The machine beside this compares with a partition in memory; here are the edges."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.errors import BugError, BusyError, CallerError, UpstreamError
from skerry.sync.clock import ZERO, at_ms, millis
from skerry.sync.drift import learn
from skerry.sync.log import Answer, Head, sealed
from skerry.sync.merge import write
from skerry.sync.store.transaction import Moment
from tests.support.shelf import NOW, NOW_MS, OWN, open_at, other, putting

KEY = ("s", "a")


def test_a_value_that_cannot_be_stored_leaves_the_transaction_as_it_was(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    with partition.write() as transaction:
        transaction.write(KEY, putting(1), NOW)
        with pytest.raises(CallerError):
            transaction.write(KEY, putting(2**70), NOW)
    reader = partition.reader()
    record = reader.record(KEY)
    assert record is not None
    assert record.value == 1
    assert reader.logs()[OWN].head.position == 1
    database.close()


def test_what_follows_something_unsettled_is_unsettled(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    origin = other()
    origin.write("a", putting(1))
    with partition.write() as transaction:
        transaction.write(KEY, putting(0), NOW)
        transaction.write(KEY, putting(1), Moment(5, False, b"boot", 5, 5))
        transaction.write(KEY, putting(2), NOW)
    assert len(partition.reader().unsettled()) == 2
    with pytest.raises(BusyError) as told:
        partition.take(origin.batch(0))
    assert told.value.code == "sync.unsettled"
    with partition.write() as transaction:
        assert transaction.settle(learn(b"boot", 9, 9, NOW_MS + 10 * 60_000), ZERO) > 0
    reader = partition.reader()
    assert reader.unsettled() == []
    assert millis(reader.stamp_at(OWN, 2)) == NOW_MS + 10 * 60_000 - 4
    record = reader.record(KEY)
    assert record is not None
    assert record.value == 2
    assert partition.take(origin.batch(0)) is Answer.ACCEPT
    database.close()


def test_without_a_time_what_is_written_becomes_final_as_it_is(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    with partition.write() as transaction:
        stamp = transaction.write(KEY, putting(1), Moment(5, False, b"boot", 5, 5))
    with partition.write() as transaction:
        assert transaction.settle(None, ZERO) == 0
    assert partition.reader().stamp_at(OWN, 1) == stamp
    assert partition.reader().unsettled() == []
    database.close()


def test_nothing_of_its_own_log_is_taken_from_others(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    twin = other(1)
    assert twin.name == OWN
    twin.write("a", putting("twin"))
    assert partition.take(twin.batch(0)) is Answer.FORK
    assert partition.reader().logs()[OWN].head.position == 0
    assert partition.reader().record(KEY) is None
    database.close()


def test_bytes_that_are_no_change_leave_nothing(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    origin = other()
    origin.write("a", putting(1))
    batch = sealed(origin.name, origin.name.start, [*origin.raws, b"rubbish"])
    with pytest.raises(UpstreamError):
        partition.take(batch)
    assert origin.name not in partition.reader().logs()
    assert partition.reader().record(KEY) is None
    database.close()


def test_issuing_again_demands_the_snapshot_in_the_same_transaction(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    with partition.write() as transaction:
        transaction.write(KEY, putting(1), NOW)
        transaction.write(("s", "b"), putting(2), NOW)
    raws = partition.reader().after(OWN, 1)
    after = OWN.renewed(b"next")
    with pytest.raises(BugError), partition.write() as transaction:
        transaction.issue_again(1, after, raws)
    assert partition.reader().state().name == OWN
    head = partition.reader().batch(OWN, 0, 1)
    with partition.write() as transaction:
        transaction.issue_again(1, after, raws)
        kept = Head(1, head.end), partition.reader().stamp_at(OWN, 1)
        transaction.replace({OWN: kept}, [])
    reader = partition.reader()
    assert reader.state().name == after
    assert reader.after(after, 0) == raws
    assert reader.batch(OWN, 0, 9) == head
    assert [key for key, _ in reader.records()] == [("s", "b")]
    database.close()


def test_what_the_hub_has_accepted_is_known_and_the_clock_stays_above_it(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    with partition.write() as transaction:
        stamp = transaction.write(KEY, putting(1), NOW)
        transaction.write(KEY, putting(2), NOW)
    head = partition.reader().batch(OWN, 0, 1)
    with partition.write() as transaction:
        transaction.accepted(Head(1, head.end))
    state = partition.reader().state()
    assert state.acked == 1
    assert state.clock.heard == int.from_bytes(stamp[:8], "big")
    database.close()


def test_a_deletion_is_forgotten_once_all_below_the_floor_is_here(tmp_path: Path) -> None:
    database, partition = open_at(tmp_path / "edge.db")
    origin = other()
    origin.write("x", putting(1))
    with partition.write() as transaction:
        transaction.write(KEY, putting(1), NOW)
        transaction.write(KEY, lambda record, _: [write.delete(record)], NOW)
    floor = at_ms(NOW_MS + 1000)
    with partition.write() as transaction:
        assert transaction.forget(floor, {origin.name: origin.head(1)}, NOW_MS) == 0
    with (
        partition.write() as transaction
    ):  # what was told first is waited for, also after a restart
        assert transaction.forget(floor, {}, NOW_MS) == 0
    assert partition.reader().record(KEY) is not None
    partition.take(origin.batch(0))
    with partition.write() as transaction:
        assert transaction.forget(floor, {}, NOW_MS) == 1
    assert [key for key, _ in partition.reader().records()] == [("s", "x")]
    database.close()
