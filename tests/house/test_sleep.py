"""No test sleeps: it waits for a condition (tests/support/wait.py), or its clock is a virtual one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.support import tree

SUPPORT = Path("tests/support")  # where polling is written, so that no test has to


def sleeps(node: ast.AST) -> bool:
    """A call of time.sleep, or of asyncio.sleep for longer than nothing."""
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    nothing = bool(node.args) and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
    return called == "time.sleep" or (called in ("asyncio.sleep", "sleep") and not nothing)


def test_no_python_test_sleeps() -> None:
    found = [
        f"{name}:{node.lineno}: {ast.unparse(node)}"
        for name in tree.having(".py", under="tests")
        if name.parent != SUPPORT
        for node in ast.walk(tree.parsed(name))
        if isinstance(node, ast.Call) and sleeps(node)
    ]
    assert not found, "\n".join(found)


def test_no_rust_test_sleeps() -> None:
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
        for name in tree.having(".rs", under="crates")
        for text in [tree.text(name)]
        for match in re.finditer(r"\bthread::sleep\b", text)
    ]
    assert not found, found
