"""One process has a file. Who comes second is told who the first one is.

The lock lies on a file beside it, never on the file itself: SQLite's own locks on that would be dropped as soon
as anybody in this process closed another descriptor of it (sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from skerry.base.errors import BusyError
from skerry.storage import fault

_WHO_BYTES = 200


class Hold:
    """Taken until `release` or the end of the process. `who` is what others are told, beside the process's number."""

    def __init__(self, path: Path, who: str) -> None:
        self._lock = path.with_name(f"{path.name}.lock")
        with fault.asked(self._lock):
            self._descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, _WHO_BYTES, 0).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise BusyError(
                "storage.held",
                f"{path}: {holder or 'another process'} has it",
                hint="end that process first, or ask it",
                about=str(path),
            ) from error
        # who it is is a courtesy: a disk that is full does not keep anybody from reading
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{who} (process {os.getpid()})".encode()[:_WHO_BYTES], 0)
        except OSError:
            pass

    def release(self) -> None:
        """Let others have it. The lock's file stays: removing it would let two processes lock two files."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
