"""Starting from outside, where it goes wrong; the good way is tried by every test of `skerry up`."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from skerry.base.errors import BugError, BusyError, ConfigError
from skerry.node import lock
from skerry.node.start import Starting, stop
from tests.support.node import SOURCE, STAND_IN, settings_for


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{STAND_IN}{os.pathsep}{SOURCE}")
    monkeypatch.setenv("TEST_STAND_IN", "all")


def test_nothing_to_read_is_a_slow_start_and_can_be_stopped(tmp_path: Path) -> None:
    starting = Starting(settings_for(tmp_path))
    starting.wait("bound", 5.0)
    with pytest.raises(BusyError) as caught:
        starting.wait("up", 0.3)  # engines have no snapshot: nothing is ever ready
    assert caught.value.code == "node.slow_start"
    with pytest.raises(ConfigError, match=f"pid {starting.process.pid}"):
        Starting(settings_for(tmp_path))
    assert stop(tmp_path / ".skerry" / "run", 10.0) == starting.process.pid
    assert starting.process.wait(5) == 0
    assert stop(tmp_path / ".skerry" / "run", 1.0) is None


def test_a_part_that_does_not_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / ".skerry").mkdir()
    (tmp_path / ".skerry" / "pops").write_text("a file where the engine wants a folder")
    starting = Starting(settings_for(tmp_path))
    with pytest.raises(BugError) as caught:
        starting.wait("up", 10.0)
    assert caught.value.code == "node.part_failed"
    assert caught.value.about == "engine-us-east"
    assert "Error" in caught.value.hint, "the traceback's end"
    assert starting.process.wait(10) == 70


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    starting = Starting(dataclasses.replace(settings_for(tmp_path), bind="192.0.2.1"))
    with pytest.raises(ConfigError) as caught:
        starting.wait("up", 10.0)
    assert caught.value.code == "node.address_refused"
    assert starting.process.wait(5) == 2
    assert starting.stop() == 2
    assert lock.holder(tmp_path / ".skerry" / "run") is None
