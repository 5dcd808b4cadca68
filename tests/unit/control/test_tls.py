"""The run's TLS folder is made once and left alone while it is good."""

from __future__ import annotations

from pathlib import Path

from skerry.base.clock import VirtualClock
from skerry.control.tls import furnish
from skerry.spec.distribution import Distribution
from skerry.spec.project import Project


def test_made_once(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    project = Project(
        "/p", "p", distributions=(Distribution("web", "E1", aliases=("www.example.com",)),)
    )
    variables = {"XDG_DATA_HOME": str(tmp_path / "data")}
    clock = VirtualClock(1_795_000_000.0)
    assert furnish(project, folder, clock, variables)
    assert list(folder.glob("*.crt"))
    assert not furnish(project, folder, clock, variables)
    more = Project(
        "/p", "p", distributions=(Distribution("web", "E1", aliases=("a.example.com",)),)
    )
    assert furnish(more, folder, clock, variables)
