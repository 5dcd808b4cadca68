from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.report import OURS, Goal

RUNS = {OURS: [4.0, 9.0, 5.0], "nginx": [11.0, 10.0, 12.0]}


@pytest.mark.parametrize(
    ("goals", "text", "holds"),
    [
        ((Goal("≤", 0.5, "nginx"),), "≤ 0.5 × nginx", True),
        ((Goal("≤", 0.4, "nginx"),), "≤ 0.4 × nginx", False),
        ((Goal("≤", 0.5, "nginx"), Goal("≤", 4.0)), "≤ 0.5 × nginx and ≤ 4", False),
        ((Goal("≥", 5.0),), "≥ 5", True),
        ((), "", None),
    ],
)
def test_goals_judge_the_median(goals: tuple[Goal, ...], text: str, holds: bool | None) -> None:
    row = report.row("hit", "µs", RUNS, goals=goals)
    assert (row.skerry, row.peers, row.goal, row.holds) == (5.0, {"nginx": 11.0}, text, holds)
    assert row.spread == {OURS: [4.0, 9.0], "nginx": [10.0, 12.0]}


def test_nothing_of_ours_is_no_verdict() -> None:
    row = report.row("hit", "µs", {"nginx": [1.0]}, goals=(Goal("≤", 0.5, "nginx"),))
    assert (row.skerry, row.holds) == (None, None)


def test_a_result_is_written_and_rendered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(report, "RENDERED", tmp_path / "results.md")
    rows = [
        report.row("hit", "CPU µs", RUNS, goals=(Goal("≤", 0.4, "nginx"),)),
        report.row("miss", "CPU µs", {"nginx": [7.0]}, utilisations={"nginx": [0.97]}),
    ]
    assert not report.finish("http", rows, {"nginx": "nginx/1.22.1"}, keep=True)
    assert report.finish("calm", rows[1:], {}, keep=True)
    assert report.finish("look", rows[1:], {}, keep=False)
    told = json.loads((tmp_path / "results" / "http.json").read_text())
    assert set(told) == {"name", "when", "machine", "versions", "rows"}
    assert told["rows"][0]["peers"] == {"nginx": 11.0}
    page = (tmp_path / "results.md").read_text()
    assert "| hit | CPU µs | **5** (4–9) | nginx: 11 (10–12) | ≤ 0.4 × nginx | **no** |" in page
    assert "| miss | CPU µs | not measured | nginx: 7 (7–7, core 97% used) |  |  |" in page
    assert "## calm" in page
    assert "look" not in page
    assert "MISSED" in capsys.readouterr().out
