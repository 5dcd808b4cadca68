"""One run per project: a lock that the kernel lets go of, however init ended."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def take(run: Path) -> int | None:
    """Lock the run folder and write our pid into it. None: another process holds it.

    flock, not a pid file alone: a pid file outlives kill -9 and may name somebody else's process by then.
    The descriptor is close-on-exec, so that no child keeps the lock.
    """
    descriptor = os.open(run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def holder(run: Path) -> int | None:
    """Pid of the init that runs here, or None. A stale file without a lock counts as nobody."""
    try:
        descriptor = os.open(run / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(descriptor, 32, 0).strip()
            return int(text) if text.isdigit() else 0
        return None
    finally:
        os.close(descriptor)
