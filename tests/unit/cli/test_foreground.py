"""Findings out of functions.log; keys and edits are tried on a terminal in test_up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from skerry.base.finding import Finding
from skerry.cli.foreground import Foreground, edited, function_finding
from skerry.node.start import Starting


def test_a_finding_of_a_function() -> None:
    text = json.dumps(
        {
            "code": "function.header_disallowed",
            "level": "warn",
            "about": "x-edge-location",
            "message": "it was restored",
            "hint": "leave it",
            "event": "viewer-request",
        }
    )
    found = function_finding({"stream": "finding", "function": "ab", "text": text})
    assert found == Finding(
        "function.header_disallowed",
        "warning",
        "function ab, viewer-request",
        "x-edge-location: it was restored",
        "leave it",
        "Developer Guide: Restrictions on edge functions, HTTP headers",
    )


@pytest.mark.parametrize(
    "record",
    [
        {"stream": "stdout", "text": "{}"},
        {"stream": "finding", "text": "odd"},
        {"stream": "finding", "text": "{}"},
        {"stream": "finding", "text": "[]"},
    ],
)
def test_any_other_line_is_none(record: dict[str, object]) -> None:
    assert function_finding(record) is None


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([], []),
        (["lambda", "lambda/a.py"], ["lambda/a.py"]),
        (["lambda", "lambda-b/a.py"], ["lambda", "lambda-b/a.py"]),
        (["a", "b", "c", "d"], ["a", "b", "c"]),
    ],
)
def test_what_was_edited(files: list[str], told: list[str]) -> None:
    assert edited(files) == told


def row(code: str, level: str = "note") -> dict[str, str]:
    return {"code": code, "level": level, "where": "main.tf", "message": f"about {code}"}


def test_an_edit_of_a_function_counts_its_failures_anew(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    functions = [{"name": "fn", "version": "a"}, {"name": "other", "version": "b"}]
    foreground = Foreground(
        tmp_path, cast(Starting, None), {"pops": [], "findings": [], "functions": functions}
    )

    def edit(versions: dict[str, str]) -> None:
        event = {"event": "applied", "version": 2, "files": ["fn.py"], "functions": versions}
        foreground._tell({**event, "findings": []})
        capsys.readouterr()

    def fails() -> bool:
        detail = "The edge function raised an error. Function 'fn', viewer-request (ValueError)."
        record = {"request_id": "id", "path": "/", "reason": "function.raised", "detail": detail}
        return bool(list(foreground._failures.hear(record, 1.0)))

    assert [fails(), fails()] == [True, False]
    edit({"fn": "a", "other": "c"})
    assert not fails(), "it is the version that has failed before"
    edit({"fn": "d", "other": "c"})
    assert [fails(), fails()] == [True, False]


def test_an_edit_tells_what_is_new(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    foreground = Foreground(
        tmp_path, cast(Starting, None), {"pops": [], "findings": [row("a.old")]}
    )

    def said(event: str, *findings: dict[str, str]) -> str:
        foreground._tell({"event": event, "version": 2, "files": ["m.tf"], "findings": findings})
        return capsys.readouterr().err

    assert said("applied", row("a.old")) == "m.tf: version 2 serves\n"
    assert "note[a.new]" in said("applied", row("a.old"), row("a.new"))
    assert said("applied") == "m.tf: version 2 serves\n"
    assert said("applied", row("a.old")) == "m.tf: version 2 serves\n", "a note is told once a run"
    assert "warning[w]" in said("applied", row("w", "warning"))
    assert said("applied", row("w", "warning")) == "m.tf: version 2 serves\n"
    assert said("applied") == "m.tf: version 2 serves\n"
    assert "warning[w]" in said("applied", row("w", "warning")), "it had gone, and is back"
    refused = said("rejected", row("a.old"), row("w", "warning"), row("c.bad", "error"))
    assert "error[c.bad]" in refused
    assert "a.old" not in refused
    assert "[w]" not in refused
    broken = said("applied", row("a.old"), row("b.broken", "error"))
    assert broken.startswith("m.tf: version 2 serves, all but what is wrong below\nerror[b.broken]")
    assert "error[b.broken]" in said("applied", row("b.broken", "error")), (
        "an error is told each time"
    )
    assert "not taken, version 2 keeps serving" in said("rejected", row("c.bad", "error"))
