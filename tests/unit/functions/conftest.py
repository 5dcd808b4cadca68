"""One launcher for all tests of a module: they differ in functions, not in launchers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.engine_client import Worker
from tests.support.launcher_house import LauncherHouse


@pytest.fixture(scope="module")
def house() -> Iterator[LauncherHouse]:
    folder = Path(tempfile.mkdtemp(prefix="sk-"))
    running = LauncherHouse(folder)
    yield running
    running.close()
    shutil.rmtree(folder)


@pytest.fixture
def worker(house: LauncherHouse, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Make a worker of a handler's text; not started yet. All end with the test."""
    made: list[Worker] = []

    def make(text: str, handler: str = "app.handler", **more: object) -> Worker:
        (tmp_path / "app.py").write_text(text)
        version = house.define("f", tmp_path, handler, **more)
        made.append(house.lease("f", version))
        return made[-1]

    yield make
    for each in made:
        each.close()
