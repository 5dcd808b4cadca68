"""What a project means for this run: snapshots for engines, definitions for the launcher, findings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from skerry.base.finding import Finding
from skerry.pop.compile import Ports, compile_project
from skerry.pop.snapshot import Snapshot
from skerry.spec.project import Level, Project


class Desired(msgspec.Struct, frozen=True):
    """One version of everything.

    versions  function name → digest that engines may call
    """

    version: int
    project: Project
    snapshots: dict[str, Snapshot]
    versions: dict[str, str]
    findings: tuple[Finding, ...]


def desire(
    project: Project,
    *,
    version: int,
    versions: Mapping[str, str],
    ports: Mapping[str, Ports],
    is_folder: Callable[[str], bool],
    deadlines: bool,
    more: Sequence[Finding] = (),
) -> Desired:
    """Compile; findings of reading, proving (`more`) and compiling together, each once."""
    compiled = compile_project(
        project,
        version=version,
        versions=versions,
        ports=ports,
        is_folder=is_folder,
        deadlines=deadlines,
    )
    findings = tuple(dict.fromkeys((*project.findings, *more, *compiled.findings)))
    return Desired(version, project, compiled.snapshots, dict(versions), findings)


def with_level(project: Project, level: Level | None) -> Project:
    """The project at the level of the command line, which wins over the file's."""
    return msgspec.structs.replace(project, level=level) if level else project


def servable(findings: Sequence[Finding]) -> bool:
    """Whether nothing among them keeps a project from being served."""
    return not any(finding.level == "error" for finding in findings)
