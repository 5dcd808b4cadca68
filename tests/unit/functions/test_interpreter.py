from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.finding import Finding
from skerry.functions.interpreter import OURS, Environment, find_environment


def make(root: Path, marker: str, *, site: str = f"lib/python{OURS}/site-packages") -> None:
    (root / ".venv" / site).mkdir(parents=True)
    (root / ".venv" / "pyvenv.cfg").write_text(marker)


@pytest.mark.parametrize(
    "marker",
    [
        f"home = /usr/bin\nversion = {OURS}.2\n",
        f"version_info = {OURS}.7.final.0\nimplementation = CPython\n",
    ],
)
def test_an_environment_of_our_version_is_found(tmp_path: Path, marker: str) -> None:
    make(tmp_path, marker)
    site = tmp_path / ".venv" / "lib" / f"python{OURS}" / "site-packages"
    (site / "boto3-1.2.dist-info").mkdir()
    (site / "attrs-3.dist-info").mkdir()
    assert find_environment("f", ".venv", tmp_path) == Environment(
        (str(site),), ("attrs-3", "boto3-1.2")
    )
    assert find_environment("f", str(tmp_path / ".venv"), Path("/elsewhere")) == Environment(
        (str(site),), ("attrs-3", "boto3-1.2")
    )


def test_none_is_none(tmp_path: Path) -> None:
    assert find_environment("f", None, tmp_path) == Environment()


@pytest.mark.parametrize(
    ("marker", "site", "code", "says"),
    [
        ("version = 3.7.1\n", "lib/python3.7/site-packages", "function.other_python", "Python 3.7"),
        ("home = /usr\n", "lib/x", "function.other_python", "unknown version"),
        (
            f"version = {OURS}.1\n",
            "lib/python3.99/site-packages",
            "function.python",
            "has no lib/",
        ),
    ],
)
def test_others_are_refused_by_name(
    tmp_path: Path, marker: str, site: str, code: str, says: str
) -> None:
    make(tmp_path, marker, site=site)
    found = find_environment("f", ".venv", tmp_path)
    assert isinstance(found, Finding)
    assert (found.code, found.level, found.where) == (code, "error", "function f")
    assert says in found.message
    assert found.hint


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    found = find_environment("f", "nowhere", tmp_path)
    assert isinstance(found, Finding)
    assert "is no virtual environment" in found.message
