"""Files, functions and folders stay small enough to be read in one go."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

from tests.support import tree

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
FOLDER_MODULES_MAX = 12

# folders that may hold more, and why
CROWDED = {
    "src/skerry/cli": "one file a command: the number of files is the number of commands",
    "src/skerry/node": "init's modules are small, for it must be too simple to die; two more are for those outside",
}
RUST_TESTS = re.compile(r"^#\[cfg\(test\)\]\n(?:#\[[^\n]*\n)*mod ", re.MULTILINE)
RUST_FUNCTION = re.compile(
    r"^( *)(?:pub(?:\([a-z]+\))? )?(?:const |async |unsafe |extern \"C\" )*fn (\w+)"
)


def code_parts(name: Path) -> list[str]:
    """A file as its readers see it: a Rust file's own tests are a text of their own."""
    text = tree.text(name)
    cut = RUST_TESTS.search(text) if name.suffix == ".rs" else None
    return [text[: cut.start()], text[cut.start() :]] if cut else [text]


def python_functions(name: Path) -> list[tuple[str, int]]:
    """(function, lines) of a Python file; the docstring does not count."""
    found = []
    for node in ast.walk(tree.parsed(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            first = node.body[0]
            if ast.get_docstring(node) is not None:
                lines -= (first.end_lineno or first.lineno) - first.lineno + 1
            found.append((node.name, lines))
    return found


def rust_functions(text: str) -> list[tuple[str, int]]:
    """(function, lines) of rustfmt's layout: a body ends with the first brace at its own indent."""
    found = []
    lines = text.split("\n")
    for start, line in enumerate(lines):
        match = RUST_FUNCTION.match(line)
        if match is None or line.rstrip().endswith((";", "}")):
            continue
        close = f"{match[1]}}}"
        ends = (at for at in range(start, len(lines)) if lines[at] in (close, close + ","))
        found.append((match[2], next(ends, start) - start + 1))
    return found


def test_no_file_is_too_long() -> None:
    long = [
        f"{name}: {lines} lines"
        for name in tree.having(".py", ".rs", ".sh")
        for part in code_parts(name)
        if (lines := part.count("\n")) > FILE_LINES_MAX
    ]
    assert not long, "split where a second noun appears:\n" + "\n".join(long)


def test_functions_fit_a_screen() -> None:
    long = []
    for name in tree.having(".py", ".rs"):
        functions = (
            python_functions(name) if name.suffix == ".py" else rust_functions(code_parts(name)[0])
        )
        long += [f"{name}: {f} has {n} lines" for f, n in functions if n > FUNCTION_LINES_MAX]
    assert not long, "\n".join(long)


def test_rust_functions_are_measured() -> None:
    text = "impl A {\n    pub(crate) async fn long(\n        a: u8,\n    ) {\n        b();\n    }\n}\nfn one() {}\n"
    assert rust_functions(text) == [("long", 5)]


def test_no_folder_is_crowded() -> None:
    count = Counter(
        str(name.parent)
        for name in tree.modules()
        if name.parent.name != "guest"  # a guest's files are laid out as its runtime wants them
    )
    crowded = {folder: n for folder, n in count.items() if n > FOLDER_MODULES_MAX}
    assert not set(crowded) - set(CROWDED), crowded
