"""Rendered files say what their sources say, and the renderer keeps values and comments."""

from __future__ import annotations

import re
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from docs import picture, render, table
from skerry.base import tables
from tests.support import tree

DOCS = tree.ROOT / "docs"
# written by hand, by the room that owns them
BY_HAND = {"cloudfront.md", "status.md", "terraform.md", "json.md", "README.md"}


@pytest.mark.parametrize(("path", "text"), render.pages().items(), ids=list(render.pages()))
def test_up_to_date(path: str, text: str) -> None:
    file = DOCS / path
    assert file.is_file(), f"docs/{path} is missing: make docs"
    assert file.read_text(encoding="utf-8") == text, f"docs/{path} is out of date: make docs"


def test_no_page_outlives_its_source() -> None:
    there = {file.name for file in (DOCS / "reference").iterdir()}
    made = {Path(path).name for path in render.pages()}
    assert not there - made - BY_HAND


def test_every_key_of_every_table_is_on_its_page() -> None:
    for name in tables.names():
        page = render.pages()[f"reference/{name}.md"]
        for key in keys(tables.load(name)):
            assert key in page, f"{name}: {key}"


def keys(data: dict[str, object]) -> list[str]:
    """Every key, at every depth."""
    below = [key for value in data.values() if isinstance(value, dict) for key in keys(value)]
    return [*(k for k in data if k != "todo"), *(k.replace("_", " ") for k in below if k == "set_by"), *(
        k for k in below if k not in ("todo", "set_by")
    )]  # fmt: skip


def test_records() -> None:
    text = '# head\n\n[b.y]\nclass = "x"\ntodo = "Do a | b."\n[a.z]\nclass = "y"\ntodo = "-"\n'
    assert table.page("errors", text, "What it is.") == (
        "# Errors\n\nWhat it is.\n\n"
        "| name | class | what to do |\n|---|---|---|\n"
        "| `a.z` | y | - |\n| `b.y` | x | Do a \\| b. |\n\n"
    )


def test_choices() -> None:
    text = "[one]\n# why so\na = 1_000\nb = true # both\nc = 'x'\n[two]\na = 2\nb = false # both\nc = 'y' # differs\n"
    assert table.page("p", text, "").endswith(
        "|  | one | two | why |\n|---|---|---|---|\n"
        "| `a` | 1,000 | 2 | why so |\n| `b` | yes | no | both |\n| `c` | `x` | `y` | differs |\n\n"
    )


def test_pairs_and_lists() -> None:
    text = "# head\n# more\n\n# of it\nitems = [1, 2, 3, 4, 5, 6, 7, 8, 9]\n[t]\n# about t\nx = 'a # b' # c\n"
    page = table.page("p", text, "")
    assert "**items**: of it\n\n- 1\n- 2\n" in page
    assert "## t\n\n" in page
    assert "| `x` | a # b | about t c |" in page


def test_the_picture_has_every_step_in_order() -> None:
    steps = tables.load("steps")
    root = xml.fromstring(picture.walk(steps))
    shown = [e.text for e in root.iter() if e.get("class") == "step"]
    assert shown == list(steps)


def test_the_steps_are_the_walk_s() -> None:
    walk = tree.text(Path("crates/skerry-engine/src/walk.rs"))
    listed = re.search(r"^steps! \{(.*?)^\}", walk, re.MULTILINE | re.DOTALL)
    assert listed is not None, 'walk.rs lists the steps in steps! { Name = "name", … }'
    assert re.findall(r'= "(\w+)"', listed[1]) == list(tables.load("steps"))
