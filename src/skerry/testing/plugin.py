"""The pytest fixtures. Both are factories: a test may start several, and all end with it.

pytest loads this module at every start, so the rooms behind a fixture are imported when a test asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from skerry.pop.snapshot import Snapshot
    from skerry.spec.project import Project
    from skerry.testing.running import Running
    from skerry.testing.walk import Walk


class Start(Protocol):
    """How a test calls `skerry_project`."""

    def __call__(
        self,
        folder: Path | str,
        *,
        replace: Mapping[str, str] | None = None,
        level: str | None = None,
        pops: int | None = None,
    ) -> Running: ...


@pytest.fixture
def skerry_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start a project's folder as `skerry up` does, on free ports, from a copy.

    `skerry_project("shop", replace={"http://127.0.0.1:9000": api.url}, level="strict", pops=1)`; see `running.run`.
    """
    from skerry.testing.running import run

    with ExitStack() as started:

        def start(
            folder: Path | str,
            *,
            replace: Mapping[str, str] | None = None,
            level: str | None = None,
            pops: int | None = None,
        ) -> Running:
            into = tmp_path_factory.mktemp("project") / Path(folder).resolve().name
            running = run(Path(folder), into, replace=replace, level=level, pops=pops)
            started.callback(running.stop)
            return running

        yield start


@pytest.fixture
def walk(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Snapshot | Project | Path | str], Walk]]:
    """Serve a snapshot, a project or a project's folder from an engine in this process, without functions."""
    from skerry.testing.walk import Walk, read

    with ExitStack() as started:

        def start(given: Snapshot | Project | Path | str) -> Walk:
            made = Walk(read(given), tmp_path_factory.mktemp("engine"))
            started.callback(made.close)
            return made

        yield start
