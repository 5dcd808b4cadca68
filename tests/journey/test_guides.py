"""Tutorial and guides do what they show."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.support import tree
from tests.support.desk import desk

PAGES = [
    str(name)
    for name in tree.having(".md", under="docs")
    if name.parts[1] in ("tutorial", "guides")
]
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_there_are_some() -> None:
    assert len(PAGES) >= 6


@pytest.mark.parametrize("page", [page for page in PAGES if "```sh" in tree.text(Path(page))])
def test_the_page_does_what_it_shows(page: str, tmp_path: Path) -> None:
    with desk(tmp_path) as laid:
        laid.follow(tree.text(Path(page)), on_path="tutorial" not in page)


def test_the_tests_of_the_guide_pass(tmp_path: Path) -> None:
    blocks = PYTHON.findall(tree.text(Path("docs/guides/testing.md")))
    assert len(blocks) == 2
    with desk(tmp_path) as laid:
        shop = tmp_path / "examples" / "01-storefront"
        (shop / "test_shop.py").write_text("\n\n".join(blocks))
        (shop / "conftest.py").write_text('pytest_plugins = ["skerry.testing.plugin"]\n')
        said = laid.type(
            f"cd '{shop}' && {sys.executable} -m pytest -q -p no:cacheprovider test_shop.py"
        )
    assert "3 passed" in said, said


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_run(page: str) -> None:
    fences = set(re.findall(r"^ *```(\S+)", tree.text(Path(page)), re.MULTILINE))
    assert fences <= {"sh", "output", *(["python"] if page.endswith("testing.md") else [])}
