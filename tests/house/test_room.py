"""What a room looks like, and who may go where that import-linter does not see."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.support import tree

NAMES_FORBIDDEN = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "impl"}
# who may import the Rust core
NATIVE_ROOMS = {"pop", "functions", "readers", "planner", "testing"}


def imports(name: Path) -> set[str]:
    """Every module a file imports, dotted; `from a import b` counts as `a` and `a.b`."""
    found: set[str] = set()
    for node in ast.walk(tree.parsed(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_init_is_a_docstring_and_nothing_else() -> None:
    wrong = []
    for name in tree.having(".py", under="src/skerry"):
        if name.name != "__init__.py" or name == Path("src/skerry/__init__.py"):
            continue
        module = tree.parsed(name)
        if ast.get_docstring(module) is None or len(module.body) != 1:
            wrong.append(str(name))
    assert not wrong, wrong


def test_every_folder_of_modules_is_a_room() -> None:
    bare = {
        str(name.parent)
        for name in tree.modules()
        if not (tree.ROOT / name.parent / "__init__.py").is_file()
    }
    assert not bare, f"no __init__.py, so nothing walks the reader through: {bare}"


def test_names_say_what_a_thing_is() -> None:
    vague = [
        str(name)
        for name in tree.having(".py", ".rs")
        if NAMES_FORBIDDEN & {part.removesuffix(name.suffix) for part in name.parts}
    ]
    assert not vague, vague


def test_guests_import_no_skerry_but_themselves() -> None:
    wrong = []
    for name in tree.modules():
        if "guest" not in name.parts:
            continue
        own = ".".join(name.parts[1 : name.parts.index("guest") + 1])
        wrong += [
            f"{name}: {module}"
            for module in imports(name)
            if module.split(".")[0] == "skerry" and not f"{module}.".startswith(f"{own}.")
        ]
    assert not wrong, wrong


def test_the_rust_core_is_imported_where_it_may_be() -> None:
    wrong = [
        str(name)
        for name in tree.modules()
        if "skerry._native" in imports(name) and name.parts[2] not in NATIVE_ROOMS
    ]
    assert not wrong, f"{wrong}: only {sorted(NATIVE_ROOMS)} may"
