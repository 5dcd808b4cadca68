"""The node's database."""

from __future__ import annotations

from pathlib import Path

from skerry.sync.store.schema import NODE, open_database


def test_it_is_marked_as_what_it_is(tmp_path: Path) -> None:
    with open_database(tmp_path / "edge.db") as database, database.write() as connection:
        assert connection.pragma("application_id") == NODE.application_id
        assert connection.pragma("user_version") == NODE.version == 1


def test_a_record_is_one_row_and_one_tree(tmp_path: Path) -> None:
    with open_database(tmp_path / "edge.db") as database:
        found = database.reader().execute(
            "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'record'"
        )
        assert found.get == 1
