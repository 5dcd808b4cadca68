"""The tables of skerry/rules: TOML that Rust embeds, Python reads and the reference renders."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

RULES = Path(__file__).resolve().parent.parent / "rules"


def names() -> list[str]:
    """Every table there is, by name."""
    return sorted(file.stem for file in RULES.glob("*.toml"))


# Any: each table has a shape of its own; whoever loads one turns it into a struct or reads known keys
@functools.cache
def load(name: str) -> dict[str, Any]:
    """The table `rules/NAME.toml`. It is shared: do not change it. Raises FileNotFoundError."""
    return tomllib.loads((RULES / f"{name}.toml").read_text(encoding="utf-8"))


def preface(name: str) -> str:
    """The comment at the head of a table: what it is and who reads it, as prose."""
    lines = []
    for line in (RULES / f"{name}.toml").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("#").strip())
    return "\n".join(lines).strip()
