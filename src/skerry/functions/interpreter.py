"""The environment that a function's packages are in (`python = ".venv"`): found, and of our version."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from skerry.base.finding import Finding

OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Environment:
    """folders: to append to a worker's path; packages: `name-version` of each distribution, sorted."""

    folders: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


def find_environment(function: str, python: str | None, root: Path) -> Environment | Finding:
    """Look at a virtual environment without running it.

    python   folder of a venv, relative to the project's root; None: the function needs none
    A Finding of level error says what is wrong by name: compiled packages of another Python's version would
    fail at import, or worse, later.
    """
    if python is None:
        return Environment()
    folder = Path(python) if Path(python).is_absolute() else root / python
    where = f"function {function}"
    marker = folder / "pyvenv.cfg"
    if not marker.is_file():
        return Finding(
            "function.python",
            "error",
            where,
            f"python = {python!r} is no virtual environment: there is no {marker.name} in {folder}",
            hint=f"make it with `python{OURS} -m venv {python}`, or name the folder of the one you have",
        )
    version = _version(marker.read_text(errors="replace"))
    if version != OURS:
        return Finding(
            "function.other_python",
            "error",
            where,
            f"python = {python!r} is of Python {version or 'of an unknown version'}, functions run on {OURS}",
            hint=f"make one with `python{OURS} -m venv`, and install the packages into it",
        )
    site = folder / "lib" / f"python{OURS}" / "site-packages"
    if not site.is_dir():
        return Finding(
            "function.python",
            "error",
            where,
            f"python = {python!r} has no {site.relative_to(folder)}",
            hint=f"make it anew with `python{OURS} -m venv {python}`",
        )
    packages = sorted(entry.name.removesuffix(".dist-info") for entry in site.glob("*.dist-info"))
    return Environment((str(site),), tuple(packages))


def _version(text: str) -> str:
    """major.minor of a pyvenv.cfg: `version` of venv, `version_info` of virtualenv and uv."""
    rows: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        rows[key.strip()] = value.strip()
    full = rows.get("version_info") or rows.get("version") or ""
    return ".".join(full.split(".")[:2])
