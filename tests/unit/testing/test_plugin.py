"""The fixtures as somebody else's pytest finds them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import tiny, tree

THEIRS = """
def test_walk(walk):
    assert walk(".").get("/").cache == "Miss"

def test_project(skerry_project):
    shop = skerry_project(".", pops=1)
    assert shop.get("/").text == "<h1>hello</h1>"
"""


def test_it_works_beside_a_project(tmp_path: Path) -> None:
    tiny.write(tmp_path)
    (tmp_path / "test_shop.py").write_text(THEIRS)
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["skerry.testing.plugin"]\n')
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(tree.SRC.parent),
            "XDG_DATA_HOME": str(tmp_path / "data"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "2 passed" in ran.stdout, ran.stdout


def test_a_wheel_announces_it() -> None:
    assert 'skerry = "skerry.testing.plugin"' in tree.text(Path("pyproject.toml"))
