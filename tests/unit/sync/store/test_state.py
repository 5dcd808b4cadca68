"""The row of a partition."""

from __future__ import annotations

from pathlib import Path

from skerry.sync.clock import ClockState
from skerry.sync.log import Head
from skerry.sync.store import state
from skerry.sync.store.schema import open_database
from tests.support.shelf import OWN


def test_all_of_it_is_found_again(tmp_path: Path) -> None:
    with open_database(tmp_path / "edge.db") as database, database.write() as connection:
        part = state.make(connection, OWN)
        found = state.load(connection, part)
        assert found == state.State(OWN)
        found.clock, found.epoch, found.refused = ClockState(2**62, 7), b"life", True
        found.settled, found.acked, found.known_ms = 3, 2, 1
        found.forget = (bytes(16), [(OWN, Head(1, bytes(16)))])
        state.save(connection, part, found)
        assert state.load(connection, part) == found


def test_a_partition_is_made_once_and_keeps_its_name(tmp_path: Path) -> None:
    with open_database(tmp_path / "edge.db") as database, database.write() as connection:
        part = state.make(connection, OWN)
        assert state.make(connection, OWN._replace(origin=b"other")) == part
        assert state.load(connection, part).name == OWN
        assert state.make(connection, OWN._replace(lane="desired")) != part
