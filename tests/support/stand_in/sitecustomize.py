"""Stands in for rooms that are not built in this checkout, and only for those.

A child process that finds this folder on PYTHONPATH resolves `skerry._native`, `skerry.readers.project` and
`skerry.functions.launcher` as always; where one is missing, the file here is loaded under its name. With
TEST_STAND_IN=all (set by tests that need an engine that fails on request) the files here win.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
FILES = {
    "skerry._native": "native.py",
    "skerry.readers": "package.py",
    "skerry.readers.project": "reader.py",
    "skerry.functions": "package.py",
    "skerry.functions.launcher": "launcher.py",
}


REAL = [room for room in os.environ.get("TEST_REAL", "").split(",") if room]


class Finder:
    """A meta path finder over FILES."""

    @staticmethod
    def find_spec(
        name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in FILES or any(name.startswith(room) for room in REAL):
            return None
        # what has no stand-in comes from the room itself
        room = HERE.parents[2] / "src" / name.replace(".", "/")
        folder = [str(room)] if FILES[name] == "package.py" else None
        return importlib.util.spec_from_file_location(
            name, HERE / FILES[name], submodule_search_locations=folder
        )


if os.environ.get("TEST_STAND_IN") == "all":
    sys.meta_path.insert(0, Finder)
else:
    sys.meta_path.append(Finder)
