"""A table of skerry/rules as a page: its values, and the comments that stand beside them.

One renderer for all, so that a new table is a new page without a line of code. It recognises three
shapes: records (many tables with the same few keys: a row each), choices (a few tables with the same
many keys: a column each), and everything else (key, value, comment).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

HEADER = re.compile(r"^\[([^\]]+)\]\s*(?:#\s*(.*))?$")
PAIR = re.compile(r"^([A-Za-z0-9_-]+|\"[^\"]+\")\s*=\s*(.*)$")
# `#` outside of a string, at the end of a value
TRAILING = re.compile(r"^(?:[^\"'#]|\"(?:\\.|[^\"\\])*\"|'[^']*')*#\s*(.*)$")
INLINE_ITEMS_MAX = 8
HEADS = {"todo": "what to do", "detailed": "in the standard log"}

# Any, here and below: what TOML can hold is what TOML can hold
Value = Any
Comments = dict[tuple[str, str], str]


def comments(text: str) -> Comments:
    """(table, key) → the comment above the key and behind its value; key "" is the table itself.

    The comment at the head of the file is left out: it is the page's preface.
    """
    found: Comments = {}
    table, above = "", []
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if not line.startswith("#")), len(lines))
    for line in lines[start:]:
        if line.startswith("#"):
            above.append(line.lstrip("#").strip())
        elif header := HEADER.match(line):
            table = header[1].replace('"', "")
            found[table, ""] = " ".join([*above, header[2] or ""]).strip()
            above = []
        elif pair := PAIR.match(line):
            behind = TRAILING.match(pair[2])
            key = pair[1].strip('"')
            found[table, key] = " ".join([*above, behind[1] if behind else ""]).strip()
            above = []
        elif not line.strip():
            above = []
    return found


def page(name: str, text: str, preface: str) -> str:
    """The page of `rules/NAME.toml`."""
    data = tomllib.loads(text)
    said = comments(text)
    body = "".join(blocks(data, said))
    return f"# {name.capitalize()}\n\n{preface}\n\n{body}"


def blocks(data: Mapping[str, Value], said: Comments) -> Iterable[str]:
    """The page's parts, one shape each."""
    loose = {key: value for key, value in data.items() if not isinstance(value, dict)}
    if loose:
        yield pairs("", loose, said)
    leaves = dict(leaf_tables(data))
    if not leaves:
        return
    keys = list(dict.fromkeys(key for leaf in leaves.values() for key in leaf))
    shared = sum(len(leaf) for leaf in leaves.values()) >= 0.75 * len(keys) * len(leaves)
    if shared and len(leaves) > 1:
        yield records(leaves, keys) if len(leaves) >= len(keys) else choices(leaves, keys, said)
        return
    for path, leaf in leaves.items():
        about = said.get((path, ""), "")
        yield f"## {path}\n\n" + (f"{about}\n\n" if about else "") + pairs(path, leaf, said)


def leaf_tables(
    data: Mapping[str, Value], path: str = ""
) -> Iterable[tuple[str, Mapping[str, Value]]]:
    """Tables that hold values, by their dotted name."""
    for key, value in data.items():
        if isinstance(value, dict):
            name = f"{path}.{key}" if path else key
            own = {k: v for k, v in value.items() if not isinstance(v, dict)}
            if own:
                yield name, own
            yield from leaf_tables(value, name)


def records(leaves: Mapping[str, Mapping[str, Value]], keys: list[str]) -> str:
    """A row for each table: in the file's order, or by name where the names have rooms (`a.b`)."""
    paths = sorted(leaves) if any("." in path for path in leaves) else list(leaves)
    rows = [
        [f"`{path}`", *(shown(leaves[path].get(key, ""), bare=True) for key in keys)]
        for path in paths
    ]
    heads = [HEADS.get(key, key.replace("_", " ")) for key in keys]
    return grid(["name", *heads], rows)


def choices(leaves: Mapping[str, Mapping[str, Value]], keys: list[str], said: Comments) -> str:
    """A column for each table, a row for each key, and why; who says why, where they differ."""
    rows = []
    for key in keys:
        why = {path: text for path in leaves if (text := said.get((path, key), ""))}
        if len(set(why.values())) > 1:
            about = "<br>".join(f"{path}: {text}" for path, text in why.items())
        else:
            about = next(iter(why.values()), "")
        cells = [shown(leaf.get(key, "")) for leaf in leaves.values()]
        rows.append([f"`{key}`", *cells, about.replace("|", "\\|")])
    return grid(["", *leaves, "why"], rows)


def pairs(path: str, leaf: Mapping[str, Value], said: Comments) -> str:
    """Key, value, comment; long lists stand under the table."""
    rows, lists = [], ""
    for key, value in leaf.items():
        about = said.get((path, key), "")
        if isinstance(value, list) and len(value) > INLINE_ITEMS_MAX:
            lists += f"**{key}**" + (f": {about}" if about else "") + "\n\n"
            lists += "".join(f"- {shown(item)}\n" for item in value) + "\n"
        else:
            text = isinstance(value, str) and " " in value
            rows.append([f"`{key}`", shown(value, bare=text), about])
    if all(not row[2] for row in rows):
        rows = [row[:2] for row in rows]
    heads = ["", "value", "about"] if rows and len(rows[0]) == 3 else ["", ""]
    return (grid(heads, rows) if rows else "") + lists


def shown(value: Value, *, bare: bool = False) -> str:
    """A value in a cell; `bare` for prose."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "–"
    text = str(value).replace("|", "\\|").replace("\n", " ")
    if isinstance(value, dict):
        return f"`{text}`"
    return text if bare or not text else f"`{text}`"


def grid(heads: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n\n"
