"""Which user a worker runs as: one of its own where we are root and that user can read what it needs.

A user of its own keeps a function from our files and from other functions' processes. It needs root to
switch, a uid that exists in our user namespace, and an interpreter and code that strangers may read: one
under a home of mode 0700 cannot be, and then some import would fail long after the start, at the first
rare one. So all of it is walked beforehand.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

# systemd's documentation calls these unused. A container that maps 65,536 ids gets the second row.
UID_RANGES = ((1_900_000_000, 1_000_000), (50_000, 10_000))

_SKIPPED = frozenset({"__pycache__", "test", "tests", "site-packages", "dist-packages"})


@dataclass(frozen=True)
class Identity:
    """Numeric user and group. Neither has a name, a home or a shell."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Offer:
    """The identity there is for a function, or None and the sentence that says why not."""

    identity: Identity | None
    why: str


def offer(
    name: str, scope: str, *, root: bool, mapped: Sequence[tuple[int, int]], unreadable: str
) -> Offer:
    """Choose. Pure.

    name, scope   the function and its project: the same pair has the same uid after every restart
    mapped        (first, count) ranges of uids that exist here
    unreadable    a path that a stranger cannot read, of interpreter or code; empty: all can be
    """
    if not root:
        return Offer(None, "Skerry does not run as root, which alone can switch users")
    if unreadable:
        return Offer(None, f"another user cannot read {unreadable}")
    number = int.from_bytes(hashlib.sha256(f"{scope}\0{name}".encode()).digest()[:8], "big")
    for base, count in UID_RANGES:
        if any(first <= base and base + count <= first + size for first, size in mapped):
            uid = base + number % count
            return Offer(Identity(uid, uid), "")
    return Offer(None, "this user namespace maps no free range of uids")


def mapped_uids(text: str) -> list[tuple[int, int]]:
    """Ranges of /proc/self/uid_map (user_namespaces(7)): rows of inside, outside, count."""
    rows = (line.split() for line in text.splitlines())
    return [(int(row[0]), int(row[2])) for row in rows if len(row) == 3]


def read_mapped_uids() -> list[tuple[int, int]]:
    """The ranges of this process. Empty where the kernel has none to tell."""
    try:
        return mapped_uids(Path("/proc/self/uid_map").read_text())
    except (OSError, ValueError):
        return []


def first_unreadable(paths: Iterable[str]) -> str:
    """The first path below or above `paths` that a stranger cannot read; empty: there is none.

    Goes by mode bits: an access list that grants more is not believed, which errs on the safe side.
    """
    for path in paths:
        if not os.path.lexists(path):
            continue  # sys.path names places that need not exist
        real = Path(path).resolve()
        for above in reversed(real.parents):
            if not above.stat().st_mode & stat.S_IXOTH:
                return str(above)
        blocked = _blocked_below(real)
        if blocked:
            return blocked
    return ""


def _blocked_below(path: Path) -> str:
    mode = path.stat().st_mode
    if not stat.S_ISDIR(mode):
        return "" if mode & stat.S_IROTH else str(path)
    if mode & 0o005 != 0o005:
        return str(path)
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name in _SKIPPED:
                continue
            if entry.is_dir(follow_symlinks=False):
                blocked = _blocked_below(Path(entry.path))
                if blocked:
                    return blocked
            elif entry.is_file() and not entry.stat().st_mode & stat.S_IROTH:
                return entry.path
    return ""


def assume(identity: Identity) -> None:
    """Become it, for good. Raises OSError (EINVAL: the uid does not exist here)."""
    os.setgroups([])
    os.setresgid(identity.gid, identity.gid, identity.gid)
    os.setresuid(identity.uid, identity.uid, identity.uid)
