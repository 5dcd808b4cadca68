"""Parts that were restarted, out of init's file."""

from __future__ import annotations

import json
from pathlib import Path

from skerry.cli.restarts import Restarts


def write(path: Path, restarts: int, state: str = "ready") -> None:
    part = {
        "pid": 7,
        "state": state,
        "restarts": restarts,
        "ended": "pid 6 ended by signal SIGKILL",
    }
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"init": 1, "parts": {"launcher": part}}))
    draft.replace(path)


def test_each_restart_once(tmp_path: Path) -> None:
    path = tmp_path / "parts.json"
    assert list(Restarts(path).new()) == [], "there is no run"
    write(path, 2)
    restarts = Restarts(path)
    assert list(restarts.new()) == [], "those were before"
    write(path, 3, "waiting")
    assert list(restarts.new()) == [], "it is not back yet"
    write(path, 3)
    assert list(restarts.new()) == [
        "launcher was restarted (pid 7): pid 6 ended by signal SIGKILL; .skerry/log/node.log has more"
    ]
    assert list(restarts.new()) == []


def test_a_torn_file_is_no_news(tmp_path: Path) -> None:
    path = tmp_path / "parts.json"
    path.write_text("{")
    assert list(Restarts(path).new()) == []
