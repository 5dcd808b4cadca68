"""`skerry down`."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.node import lock
from tests.support.node import fetch
from tests.support.shop import skerry, write


def test_it_ends_the_run_and_frees_the_ports(tmp_path: Path) -> None:
    port = write(tmp_path)
    assert skerry(tmp_path, "up", "--detach", "--wait").returncode == 0
    pid = lock.holder(tmp_path / ".skerry" / "run")
    done = skerry(tmp_path, "down")
    assert (done.returncode, done.stderr) == (0, f"stopped (pid {pid})\n")
    with pytest.raises(ConnectionRefusedError):
        fetch(port)


def test_nothing_ran(tmp_path: Path) -> None:
    done = skerry(tmp_path, "down")
    assert done.returncode == 0
    assert done.stderr.startswith("nothing ran for")
    assert not (tmp_path / ".skerry").exists()
