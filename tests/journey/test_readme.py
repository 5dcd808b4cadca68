"""README's shell blocks do what they show, pasted in order into one shell; two commands have tests of their own."""

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
        laid.follow(tree.text(Path("README.md")), on_path=False)


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
    assert set(fences) <= {"sh", "output", "text"}, (
        "a block that is no `sh` is not run; `text` is for pictures"
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
        (None, "surprise\n", True),
    ],
)
def test_output_is_compared(output: list[str] | None, shown: str, same: bool) -> None:
    assert (transcript.difference(transcript.Step("x", output), shown) == "") is same


def test_blocks_are_found() -> None:
    page = (
        "text\n```sh\nmake demo\n```\n```sh\none \\\n  two\nthree\n```\n"
        "```output\nout\n```\n```text\nnot this\n```\n```sh\nquiet\n```\n"
    )
    assert transcript.steps(page) == [
        transcript.Step("one \\\n  two\nthree", ["out"]),
        transcript.Step("quiet"),
    ]


def test_output_has_a_block_before_it() -> None:
    with pytest.raises(AssertionError, match="output of what"):
        transcript.steps("```text\npicture\n```\n```output\nout\n```\n")


def test_what_is_pasted_is_pasted_into_one_shell(tmp_path: Path) -> None:
    page = (
        "```sh\nmkdir one && cd one\nexport WHO=me\n```\n"
        "```sh\necho $WHO in ${PWD##*/}; command -v skerry\n```\n```output\nme in one\n```\n"
    )
    with desk(tmp_path) as laid:
        laid.follow(page, on_path=False)
        with pytest.raises(AssertionError, match="it printed"):
            laid.follow(page)  # there `skerry` is known


PAGES = [name for name in tree.having(".md") if name.parts[0] in ("README.md", "docs", "examples")]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_no_prompt_is_in_the_way_of_pasting(page: Path) -> None:
    for kind, text in transcript.FENCE.findall(tree.text(page)):
        assert kind != "console", "`sh` and `output`: what has prompts in it cannot be pasted"
        if kind == "sh":
            assert not re.search(r"^[$>] ", text, re.MULTILINE), text
