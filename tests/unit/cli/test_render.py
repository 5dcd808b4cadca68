"""What people see, on a terminal and beside one."""

from __future__ import annotations

import io

import pytest

from skerry.base.errors import ConfigError
from skerry.base.finding import Finding, Place
from skerry.cli import render


class Terminal(io.StringIO):
    """A stream that somebody watches."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_one_finding() -> None:
    out = io.StringIO()
    finding = Finding(
        "terraform.unresolved_reference",
        "error",
        Place("main.tf", 12, 5),
        "`var.zone` has no value",
        "add to terraform.tfvars:\nzone = \"…\"",
        "Terraform, Input Variables",
    )  # fmt: skip
    render.findings([finding], out)
    assert out.getvalue() == (
        "error[terraform.unresolved_reference]: `var.zone` has no value\n"
        "  main.tf:12:5\n"
        "  rule: Terraform, Input Variables\n"
        "\n"
        "  hint: add to terraform.tfvars:\n"
        '        zone = "…"\n'
        "  see: skerry explain terraform.unresolved_reference\n"
    )


def test_an_error_shows_its_findings_first() -> None:
    out = io.StringIO()
    findings = (Finding("a.b", "error", "origin X", "one"), Finding("a.c", "warning", "", "two"))
    render.error(ConfigError("project.not_found", "cannot be served", findings=findings), out)
    text = out.getvalue()
    assert text.index("error[a.b]: one\n  origin X\n") < text.index("warning[a.c]: two")
    assert text.index("warning[a.c]") < text.index("error[project.not_found]: cannot be served")
    assert "hint" not in text


def test_table() -> None:
    out = io.StringIO()
    rows = [
        {"pop": "us-east", "hits": 12, "ratio": 0.5, "up": True},
        {"pop": "eu", "hits": 7, "ratio": None, "up": False, "more": 1},
    ]
    render.table(rows, stream=out)
    assert out.getvalue() == (
        "pop      hits  ratio  up\nus-east    12    0.5  yes\neu          7      -  no\n"
    )


def test_table_shows_the_columns_that_are_asked_for() -> None:
    out = io.StringIO()
    render.table([{"a": 1, "b": ["x", "y"]}], ["b", "c"], out)
    assert out.getvalue() == "b     c\nx, y  -\n"
    render.table([], stream=out)


def test_colour_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert render.paint("x", "red", Terminal()) == "\033[31mx\033[0m"
    assert render.paint("x", "red", io.StringIO()) == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert render.paint("x", "red", Terminal()) == "x"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert render.paint("x", "red", Terminal()) == "x"


def test_progress_is_for_those_who_watch() -> None:
    watched, piped = Terminal(), io.StringIO()
    for out in (watched, piped):
        with render.Progress("loading", out) as progress:
            progress.say("3 of 12")
    assert piped.getvalue() == ""
    assert "loading … 3 of 12" in watched.getvalue()
    assert watched.getvalue().endswith("\r\033[K")


@pytest.mark.parametrize(
    ("room", "parts"),
    [
        (99, [[0, 1, 2, 3]]),
        (24, [[0, 1, 2, 3]]),
        (23, [[0, 1, 2], [0, 3]]),
        (12, [[0, 1], [0, 2], [0, 3]]),
        (1, [[0, 1], [0, 2], [0, 3]]),
    ],
)
def test_a_table_that_is_too_wide_is_told_in_parts(room: int, parts: list[list[int]]) -> None:
    assert render.parts([4, 6, 4, 4], room) == parts
