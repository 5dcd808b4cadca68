from __future__ import annotations

from pathlib import Path

from skerry.base.finding import Place
from skerry.readers.report import Report


def test_the_worse_of_two_is_kept(tmp_path: Path) -> None:
    report = Report(tmp_path)
    report.add("a.b", "warning", Place("f", 1), "first", about="x")
    report.add("a.b", "error", Place("f", 2), "worse", about="x")
    report.add("a.b", "note", Place("f", 3), "milder", about="x")
    assert [one.message for one in report.findings] == ["worse"]
    assert report.errors
    assert report.said("x")
    assert not report.said("y")


def test_the_same_thing_is_said_once(tmp_path: Path) -> None:
    report = Report(tmp_path)
    for _ in range(2):
        report.add("a.b", "note", Place("f", 1), "again")
    assert len(report.findings) == 1
    assert not report.errors


def test_findings_come_by_severity_and_place(tmp_path: Path) -> None:
    report = Report(tmp_path)
    for level, line in [("note", 1), ("error", 9), ("error", 2), ("warning", 1)]:
        report.add("a.b", level, Place("f", line), level)  # type: ignore[arg-type]  # a row of severities
    assert [(one.level, one.where.line) for one in report.findings] == [  # type: ignore[union-attr]  # all are places
        ("error", 2),
        ("error", 9),
        ("warning", 1),
        ("note", 1),
    ]


def test_names_are_relative_where_they_can_be(tmp_path: Path) -> None:
    report = Report(tmp_path / "p")
    assert report.read(tmp_path / "p" / "a.tf") == "a.tf"
    assert report.read(tmp_path / "b.tf") == (tmp_path / "b.tf").as_posix()
    assert list(report.files) == ["a.tf", (tmp_path / "b.tf").as_posix()]


def test_what_is_wanted(tmp_path: Path) -> None:
    report = Report(tmp_path)
    report.want("function", "f")
    report.want("variable", "v")
    report.want("function", "f")
    assert report.wanted("function") == ["f"]
