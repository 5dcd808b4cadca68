"""The version of a function: a digest of its code and of every setting that changes how it runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from skerry.spec.function import Function

# Of the checkout, not of the function: Terraform's archive_file would leave them in, AWS would not run them.
SKIPPED = frozenset(
    {
        "__pycache__",
        ".git",
        ".hg",
        ".venv",
        "venv",
        "node_modules",
        ".mypy_cache",
        ".pytest_cache",
        ".skerry",
    }
)
VERSION_CHARACTERS = 32


def walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file that belongs to a function, as (path within, path), sorted, so that order never counts.

    Links to folders are followed, as archivers do; one that leads back to where we are is not.
    """
    yield from _walk(folder, "", (folder.resolve(),))


def _walk(folder: Path, within: str, above: tuple[Path, ...]) -> Iterator[tuple[str, Path]]:
    for entry in sorted(folder.iterdir(), key=lambda path: path.name):
        name = f"{within}{entry.name}"
        if entry.is_dir():
            real = entry.resolve()
            if entry.name not in SKIPPED and real not in above:
                yield from _walk(entry, f"{name}/", (*above, real))
        elif entry.is_file():
            yield name, entry


def digest(function: Function, files: Iterable[tuple[str, Path]], packages: Iterable[str]) -> str:
    """32 hexadecimal digits (128 bits of SHA-256).

    files      (path within, path) of the frozen code, sorted
    packages   what the function's own environment holds, one word per distribution and version
    The timeout is the engine's to keep and is told with the version, but a change of it must reach every
    engine: so all settings count.
    """
    total = hashlib.sha256()
    settings = msgspec.structs.replace(function, source="")  # where it was written does not count
    total.update(msgspec.json.encode(settings))
    for package in packages:
        total.update(f"\0package {package}".encode())
    for name, path in files:
        data = path.read_bytes()
        # lengths before texts: no two trees can spell the same bytes
        total.update(f"\0file {len(name)} {name} {len(data)} ".encode())
        total.update(data)
    return total.hexdigest()[:VERSION_CHARACTERS]
