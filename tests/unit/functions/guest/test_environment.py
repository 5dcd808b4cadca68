from __future__ import annotations

import ast
import sys
from pathlib import Path

from skerry.functions import guest
from skerry.functions.guest.environment import Loading, variables


def loading(**more: object) -> Loading:
    base: Loading = {
        "name": "f",
        "version": "0123456789abcdef",
        "handler": "app.handler",
        "folder": "/code",
        "origin": "/their/code",
        "packages": [],
        "guest": "",
        "memory_mb": 128,
        "pop": "us-east",
        "env": {},
        "debug": False,
        "debug_tty": "",
    }
    return {**base, **more}  # type: ignore[typeddict-item]  # a test's shorthand


def test_reserved_names_win_over_the_users() -> None:
    found = variables(loading(env={"AWS_LAMBDA_FUNCTION_NAME": "mine", "OWN": "1"}))
    assert (found["AWS_LAMBDA_FUNCTION_NAME"], found["OWN"]) == ("f", "1")


def test_region_is_north_virginia_unless_told() -> None:
    assert variables(loading())["AWS_REGION"] == "us-east-1"
    told = variables(loading(env={"AWS_REGION": "eu-west-1"}))
    assert (told["AWS_REGION"], told["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")


def test_guest_imports_nothing_of_skerry_but_itself() -> None:
    allowed = sys.stdlib_module_names | {"orjson"}
    for file in Path(guest.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level < 2, file.name  # its own folder, nothing above it
                names = [node.module or ""] if not node.level else []
            for name in names:
                assert name.partition(".")[0] in allowed, (file.name, name)
