"""The checkout as the house tests see it: what is committed or about to be."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "skerry"


@functools.cache
def files() -> tuple[Path, ...]:
    """Every file that git knows or would take, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = sorted({Path(name) for name in listed.split("\0") if name})
    return tuple(name for name in names if (ROOT / name).is_file())


def having(*suffixes: str, under: str = "") -> Iterator[Path]:
    """Files with one of the suffixes, below a folder."""
    for name in files():
        if name.suffix in suffixes and name.is_relative_to(under):
            yield name


@functools.cache
def text(name: Path) -> str:
    """A file's text; empty for one that is no text."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


@functools.cache
def parsed(name: Path) -> ast.Module:
    """A Python file's tree."""
    return ast.parse(text(name), filename=str(name))


def modules() -> Iterator[Path]:
    """Every module of skerry but the `__init__`s."""
    for name in having(".py", under="src/skerry"):
        if name.name != "__init__.py":
            yield name
