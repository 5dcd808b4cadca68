"""Desired state: findings each once, the command line's level."""

from __future__ import annotations

from skerry.base.finding import Finding
from skerry.control.desired import desire, servable, with_level
from skerry.pop.compile import Ports
from skerry.spec.pop import Local
from skerry.spec.project import Project

NOTE = Finding("a.b", "note", "x", "m")
ERROR = Finding("a.c", "error", "x", "m")


def test_findings_of_all_rooms_each_once() -> None:
    project = Project("/p", "p", local=Local(origins={"odd": "live"}), findings=(NOTE,))
    desired = desire(
        project,
        version=2,
        versions={},
        ports={"us-east": Ports(80)},
        is_folder=lambda _path: True,
        deadlines=True,
        more=(NOTE, ERROR),
    )
    assert [finding.code for finding in desired.findings] == ["a.b", "a.c"]
    assert desired.snapshots["us-east"].version == 2


def test_servable() -> None:
    assert servable([NOTE])
    assert not servable([NOTE, ERROR])


def test_the_command_lines_level_wins() -> None:
    project = Project("/p", "p", level="strict")
    assert with_level(project, None).level == "strict"
    assert with_level(project, "relaxed").level == "relaxed"
