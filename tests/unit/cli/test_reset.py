"""`skerry reset` says what it removes, asks, and removes that alone."""

from __future__ import annotations

from pathlib import Path

from skerry.node import lock
from tests.support.shop import skerry, write


def test_it_says_asks_stops_and_removes(tmp_path: Path) -> None:
    write(tmp_path)
    assert skerry(tmp_path, "up", "--detach", "--wait").returncode == 0
    unasked = skerry(tmp_path, "reset")
    assert unasked.returncode == 3, "nobody said yes"
    assert "hint: --yes" in unasked.stderr
    assert "access records and functions' output" in unasked.stderr
    assert lock.holder(tmp_path / ".skerry" / "run")
    done = skerry(tmp_path, "reset", "--yes")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / ".skerry").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site", "skerry.toml"]
    again = skerry(tmp_path, "reset", "--yes")
    assert (again.returncode, "nothing to remove" in again.stderr) == (0, True)
