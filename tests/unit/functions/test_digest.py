"""A version changes with everything that changes how a function runs, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from skerry.functions.digest import digest, walk
from skerry.spec.function import Function

BASE = Function("f", "/code", "app.handler")


def of(folder: Path, function: Function = BASE, packages: tuple[str, ...] = ()) -> str:
    return digest(function, walk(folder), packages)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text("x")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "b.py").write_text("y")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        {"handler": "app.other"},
        {"memory_mb": 256},
        {"timeout_s": 1.0},
        {"egress": "none"},
        {"python": ".venv"},
        {"name": "g"},
        {"runtime": "python3.13"},
    ],
)
def test_settings_count(folder: Path, change: dict[str, object]) -> None:
    assert of(folder) != of(folder, msgspec.structs.replace(BASE, **change))


def test_where_it_was_written_does_not_count(folder: Path) -> None:
    assert of(folder) == of(folder, msgspec.structs.replace(BASE, source="/elsewhere"))


def test_content_names_and_packages_count(folder: Path) -> None:
    seen = {of(folder), of(folder, packages=("boto3-1.0",))}
    (folder / "app.py").write_text("z")
    seen.add(of(folder))
    (folder / "app.py").rename(folder / "apq.py")
    seen.add(of(folder))
    assert len(seen) == 4


def test_caches_and_environments_do_not_count(folder: Path) -> None:
    before = of(folder)
    for name in ("__pycache__", ".git", ".venv", ".skerry"):
        (folder / name).mkdir()
        (folder / name / "thing").write_text("x")
    assert of(folder) == before


@pytest.mark.parametrize("joint", ["\0file b ", "\0file 1 b 1 "])
def test_two_trees_never_spell_the_same_bytes(tmp_path: Path, joint: str) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    (one / "a").write_text(f"1{joint}2")
    (other / "a").write_text("1")
    (other / "b").write_text("2")
    assert of(one) != of(other)


def test_links_are_followed_but_not_in_circles(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "c.py").write_text("c")
    (folder / "linked").symlink_to(outside)
    (folder / "circle").symlink_to(folder)
    assert [name for name, _ in walk(folder)] == ["app.py", "lib/b.py", "linked/c.py"]
