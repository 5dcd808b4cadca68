"""Where keys stand in a TOML file: the standard library's parser keeps no positions."""

from __future__ import annotations

import re

KEY = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*""")
HEADER = re.compile(r"^\s*\[\[?")
STRINGS = re.compile(
    r'"""(?s:.*?)"""|\'\'\'(?s:.*?)\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*'
)

Path = tuple[str, ...]


def dotted(text: str, at: int) -> tuple[Path, int]:
    """A dotted key from `at`, and where it ends."""
    names: list[str] = []
    while True:
        match = KEY.match(text, at)
        if match is None:
            return tuple(names), at
        name = match.group(1)
        names.append(name[1:-1] if name[0] in "\"'" else name)
        at = match.end()
        if not text.startswith(".", at):
            return tuple(names), at
        at += 1


def find(text: str) -> dict[Path, tuple[int, int]]:
    """Path of each table and key → line and column, from 1. Keys of inline tables stand where their table does."""
    places: dict[Path, tuple[int, int]] = {}
    # Strings and comments are blanked, so that brackets in them count for nothing; keys are read from the original.
    blank = STRINGS.sub(lambda match: re.sub(r"[^\n]", "_", match.group()), text)
    lines, blanks = text.split("\n"), blank.split("\n")
    table: Path = ()
    depth = 0
    inside = False  # of a multi-line string
    for number, (line, shadow) in enumerate(zip(lines, blanks, strict=True), 1):
        if depth == 0 and not inside and line.strip() and not line.lstrip().startswith("#"):
            start = len(line) - len(line.lstrip())
            header = HEADER.match(line)
            if header is not None:
                table, _ = dotted(line, header.end())
                places.setdefault(table, (number, start + 1))
                continue
            path, end = dotted(line, 0)
            if path and line.startswith("=", end):
                for size in range(1, len(path) + 1):
                    places.setdefault(table + path[:size], (number, start + 1))
        opened = sum(shadow.count(char) for char in "[{")
        depth = max(0, depth + opened - sum(shadow.count(char) for char in "]}"))
        if (line.count('"""') + line.count("'''")) % 2:
            inside = not inside
    return places
