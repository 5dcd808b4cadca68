"""See edits: look at the times of a project's files often enough that a save is live before one can reload.

Polling, not inotify: a project has some dozens of files, one look costs a fraction of a millisecond, and it works on
network and container mounts, where inotify is silent. A look that takes long is taken less often.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

Mark = tuple[int, int, int]  # mtime ns, size, inode: editors that replace the file change the last

LOOK_S = 0.05
SETTLE_S = 0.02  # quiet this long after a change: a file may be written in pieces
SHARE = 20  # at most a twentieth of the time is spent looking
FILES_MAX = 20_000
SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})


def marks(paths: Iterable[Path]) -> dict[str, Mark]:
    """What is there now: files, and folders with all below them. What is missing is left out."""
    found: dict[str, Mark] = {}
    for path in paths:
        mark = look(path)
        if mark is None:
            continue
        found[str(path)] = mark
        if path.is_dir():
            for below in walk(path):
                if len(found) >= FILES_MAX:
                    return found
                mark = look(below)
                if mark is not None and not below.is_dir():
                    found[str(below)] = mark
    return found


def look(path: Path) -> Mark | None:
    """The mark of one file or folder, or None."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def walk(folder: Path) -> Iterator[Path]:
    """Everything below a folder but hidden folders and what tools put there."""
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name not in SKIPPED]
        for name in files:
            if not name.endswith(".pyc"):
                yield Path(root, name)


def names(folder: Path, suffixes: tuple[str, ...]) -> tuple[str, ...]:
    """Names in a folder that end so, sorted: a new `.tf` file beside the known ones is an edit too."""
    try:
        return tuple(sorted(name for name in os.listdir(folder) if name.endswith(suffixes)))  # noqa: PTH208 - names only
    except OSError:
        return ()


def changed(before: dict[str, Mark], after: dict[str, Mark]) -> list[str]:
    """Paths that came, went or differ, sorted."""
    return sorted(
        path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
    )


def interval_s(took_s: float) -> float:
    """Until the next look."""
    return max(LOOK_S, took_s * SHARE)
