"""Every module has its namesake among the unit tests."""

from __future__ import annotations

from pathlib import Path

from tests.support import tree

# modules without one, and why
EXCUSED = {
    "base/finding.py": "a shape without behaviour; how it looks is tested with cli/render",
    "spec/distribution.py": "shapes without behaviour; the readers' tests fill them, golden files hold them",
    "spec/function.py": "shapes without behaviour, as distribution",
    "spec/pop.py": "shapes without behaviour, as distribution",
    "spec/project.py": "shapes without behaviour, as distribution",
    "pop/snapshot.py": "shapes without behaviour; tests of pop/compile and of the engine hold it",
}


def namesake(module: str) -> Path:
    """cli/main.py → tests/unit/cli/test_main.py."""
    path = Path(module)
    return Path("tests/unit") / path.parent / f"test_{path.name}"


def test_every_module_has_a_test() -> None:
    missing = []
    for name in tree.modules():
        module = str(name.relative_to("src/skerry"))
        if module not in EXCUSED and not (tree.ROOT / namesake(module)).is_file():
            missing.append(f"{name} wants {namesake(module)}")
    assert not missing, "\n".join(missing)


def test_no_excuse_outlives_its_module() -> None:
    gone = [module for module in EXCUSED if not (tree.SRC / module).is_file()]
    idle = [module for module in EXCUSED if (tree.ROOT / namesake(module)).is_file()]
    assert not gone, f"no such module: {gone}"
    assert not idle, f"has a test by now: {idle}"
