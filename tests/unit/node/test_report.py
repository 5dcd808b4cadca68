"""What init tells must never stop it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from skerry.node.report import Report


def test_events_are_lines_until_the_reader_leaves(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    report = Report(tmp_path, write_end)
    report.event("part", name="a")
    assert json.loads(os.read(read_end, 100)) == {"event": "part", "name": "a"}
    os.close(read_end)
    report.event("part", name="b")
    report.event("part", name="c")
    Report(tmp_path, -1).event("nobody listens")


def test_parts_are_replaced_whole(tmp_path: Path) -> None:
    report = Report(tmp_path, -1)
    report.parts({"a": {"pid": 1}})
    report.parts({"a": {"pid": 2}})
    assert json.loads((tmp_path / "parts.json").read_text()) == {
        "init": os.getpid(),
        "parts": {"a": {"pid": 2}},
    }
    Report(tmp_path / "gone", -1).parts({})
