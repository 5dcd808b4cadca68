"""Whoever asks a checker to look away says why, where they ask."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support import tree

NOQA = re.compile(r"#\s*noqa(?::\s*[A-Z]+[0-9]+(?:\s*,\s*[A-Z]+[0-9]+)*)?(.*)$")
TYPE_IGNORE = re.compile(r"#\s*type:\s*ignore(?:\[[^\]]*\])?(.*)$")
SAID = re.compile(r"\w{2,}.*\w{2,}")  # two words at least
RUST_ALLOW = re.compile(r"^\s*#!?\[(?:allow|expect|ignore)\b(.*)$")


def python_lines() -> Iterator[tuple[Path, int, list[str]]]:
    """(file, index, lines) of every line of our Python."""
    for name in tree.having(".py", ".pyi"):
        lines = tree.text(name).split("\n")
        for at in range(len(lines)):
            yield name, at, lines


def is_comment(lines: list[str], at: int) -> bool:
    """Whether line `at` is a comment of its own that says something."""
    return 0 <= at < len(lines) and bool(re.match(r"\s*(?:#|//) ?" + SAID.pattern, lines[at]))


def test_noqa_and_type_ignore_say_why() -> None:
    silent = []
    for name, at, lines in python_lines():
        for pattern in (NOQA, TYPE_IGNORE):
            match = pattern.search(lines[at])
            code = lines[at].split("#")[0].strip()
            if match and code and not SAID.search(match[1]) and not is_comment(lines, at - 1):
                silent.append(f"{name}:{at + 1}: {lines[at].strip()}")
    assert not silent, "\n".join(silent)


def test_any_says_why() -> None:
    silent = [
        str(name)
        for name in tree.having(".py", ".pyi", under="src")
        if re.search(r"^from typing import .*\bAny\b", tree.text(name), re.MULTILINE)
        and not re.search(r"#\s*Any\b.{8,}", tree.text(name))
    ]
    assert not silent, f"a comment `# Any: why` is missing: {silent}"


def test_broad_except_says_why() -> None:
    silent = []
    for name in tree.having(".py"):
        lines = tree.text(name).split("\n")
        for node in ast.walk(tree.parsed(name)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            caught = ast.unparse(node.type) if node.type else "BaseException"
            if not re.search(r"\b(?:Base)?Exception\b", caught):
                continue
            at = node.lineno - 1
            near = "#" in lines[at] or is_comment(lines, at - 1) or is_comment(lines, at + 1)
            if not near:
                silent.append(f"{name}:{node.lineno}: {lines[at].strip()}")
    assert not silent, "\n".join(silent)


def test_rust_allow_says_why() -> None:
    silent = []
    for name in tree.having(".rs"):
        lines = tree.text(name).split("\n")
        for at, line in enumerate(lines):
            match = RUST_ALLOW.match(line)
            if match is None:
                continue
            said = "//" in line or re.search(r'(?:reason )?= "', line) or is_comment(lines, at - 1)
            if not said:
                silent.append(f"{name}:{at + 1}: {line.strip()}")
    assert not silent, "\n".join(silent)
