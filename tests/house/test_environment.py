"""Every environment variable of ours stands in rules/environment.toml, and each there is read."""

from __future__ import annotations

import re

from skerry.base import tables
from tests.support import tree

OURS = re.compile(r"\bSKERRY_[A-Z0-9_]*[A-Z0-9]\b")


def used() -> dict[str, str]:
    """Each variable and one file that names it."""
    found: dict[str, str] = {}
    for name in tree.files():
        read = name.parts[0] in ("src", "crates", "requirements") or str(name) == "Makefile"
        if read and name.suffix != ".toml":
            found |= {word: str(name) for word in OURS.findall(tree.text(name))}
    return found


def test_the_table_is_complete() -> None:
    missing = {
        word: name for word, name in used().items() if word not in tables.load("environment")
    }
    assert not missing, missing


def test_the_table_holds_nothing_idle() -> None:
    ours = {word for word in tables.load("environment") if OURS.fullmatch(word)}
    assert not ours - set(used())


def test_every_entry_is_whole() -> None:
    for word, entry in tables.load("environment").items():
        assert set(entry) == {"set_by", "meaning"}, word
