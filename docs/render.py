"""Render what can be rendered: a page for each table, the command line, the schema, the picture.

`make docs` writes; tests/house/test_reference.py fails where a file no longer says what its source says.
Run from the root as `python -m docs.render`.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from docs import command, picture, table
from skerry.base import tables
from skerry.spec.project import Project

DOCS = Path(__file__).resolve().parent


def pages() -> dict[str, str]:
    """Every rendered file, by its path below docs/."""
    found = {
        f"reference/{name}.md": table.page(
            name, (tables.RULES / f"{name}.toml").read_text(encoding="utf-8"), tables.preface(name)
        )
        for name in tables.names()
    }
    found["reference/cli.md"] = command.page()
    found["reference/project.schema.json"] = schema()
    found["walk.svg"] = picture.walk(tables.load("steps"))
    return {path: text.rstrip("\n") + "\n" for path, text in found.items()}


def schema() -> str:
    """What a project is, whoever wrote it down, as JSON Schema."""
    made = msgspec.json.schema(Project, schema_hook=anything)
    return json.dumps(made, indent=2, ensure_ascii=False, sort_keys=True)


def anything(kind: type) -> dict[str, object]:
    """`object` in a struct is whatever the file says: a schema that holds for all. Raises for the rest."""
    if kind is not object:
        raise TypeError(f"{kind} in spec has no schema")
    return {"description": "any value"}


def render() -> None:
    """Write what has changed and say so."""
    changed = 0
    for path, text in pages().items():
        file = DOCS / path
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            changed += 1
            print(f"wrote docs/{path}")
    print(f"{changed} files changed" if changed else "docs are up to date")


if __name__ == "__main__":
    render()
