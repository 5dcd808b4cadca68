"""README's console blocks do what they show, all but the two commands that have tests of their own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support import transcript, tree
from tests.support.desk import desk


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_page_does_what_it_shows(tmp_path: Path) -> None:
    with desk(tmp_path) as laid:
        laid.follow(tree.text(Path("README.md")))


def test_the_two_commands_stand_first() -> None:
    page = tree.text(Path("README.md"))
    assert page.index("make demo") < page.index("make test")
    assert {"demo:", "test:"} <= set(
        re.findall(r"^\w+:", tree.text(Path("Makefile")), re.MULTILINE)
    )


def test_figures_are_those_that_were_measured() -> None:
    measured = json.loads(tree.text(Path("benchmarks/results/cache_tests.json")))
    row = next(
        row for row in measured["rows"] if row["metric"] == "required tests passed, profile rfc9111"
    )
    (peer,) = row["peers"].values()
    told = f"{row['skerry']:g} of 157 required cases of the public suite where nginx has {peer:g}"
    assert row["unit"] == "of 157"
    assert told in tree.text(Path("README.md")).replace("\n", " ")


def test_every_block_is_run() -> None:
    fences = re.findall(r"^ *```(\S*)", tree.text(Path("README.md")), re.MULTILINE)[::2]
    assert set(fences) <= {"console", "text"}, (
        "a block that is no console is not run; `text` is for pictures"
    )


@pytest.mark.parametrize(
    ("output", "shown", "same"),
    [
        (["skerry …"], "skerry 0.1.0\n", True),
        (["skerry …"], "skerry 0.1.0\nmore\n", False),
        (["a", "…", "z"], "a\nb\nc\nz", True),
        (["a", "…", "z"], "a\nz\n", True),
        (["a", "…"], "b\n", False),
        (["x (1.5 s)"], "x (1.5 s)\r\n", True),
        ([], "", True),
        ([], "surprise\n", False),
    ],
)
def test_output_is_compared(output: list[str], shown: str, same: bool) -> None:
    assert (transcript.difference(transcript.Step("x", output), shown) == "") is same


def test_commands_are_found() -> None:
    page = "text\n```console\n$ make demo   # a tour\n$ one \\\n  two\nout\n```\n```\n$ not this\n```\n"
    assert transcript.steps(page) == [transcript.Step("one \\\n  two", ["out"])]


def test_a_command_goes_on_as_in_a_shell() -> None:
    page = "```console\n$ cat <<E\n> a\n>\n>   b\n> E\nshown\n> quoted\n```\n"
    assert transcript.steps(page) == [
        transcript.Step("cat <<E\na\n\n  b\nE", ["shown", "> quoted"])
    ]
