"""The log of a run's processes, `.skerry/log/node.log`. Init alone writes it; its parts speak into pipes.

So one process knows when it has grown large, and a disk that is full is no error in any part that has something to
say. Init's own stdout and stderr are the file itself: what a crash of init leaves stands there too.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

BACKLOG_BYTES_MAX = 256 * 1024
LINE_BYTES_MAX = 64 * 1024
PIECE_BYTES = 64 * 1024


class NodeLog:
    """Lines, appended. What finds no room is kept, up to a bound, and written when there is room again.

    bytes_max  what would grow beyond it is renamed to `node.log.1` and begun anew; 0: never
    """

    def __init__(self, path: Path, bytes_max: int) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._backlog = b""
        self._lost = 0
        self._file = 2  # where it cannot be opened, whatever our starter has given us
        self._open()

    def write(self, lines: bytes) -> None:
        """Append whole lines. It never fails."""
        self._backlog += lines
        try:
            self._turn(len(self._backlog))
            before = os.fstat(self._file).st_size
            written = os.write(self._file, self._backlog)
        except OSError:
            self._shorten()
            return
        if written < len(self._backlog):
            # we are the only writer: no line stands behind the one that is taken back
            written = self._backlog.rfind(b"\n", 0, written) + 1
            with contextlib.suppress(OSError):  # a terminal or a pipe: it had the piece already
                os.ftruncate(self._file, before + written)
            self._backlog = self._backlog[written:]
            self._shorten()
            return
        self._backlog = b""
        if self._lost:
            lost, self._lost = self._lost, 0
            self.write(
                f"init: {lost} lines of this log were lost: it could not be written\n".encode()
            )

    def _shorten(self) -> None:
        """Let go of the newest: the first lines say how it began."""
        if len(self._backlog) > BACKLOG_BYTES_MAX:
            end = self._backlog.rfind(b"\n", 0, BACKLOG_BYTES_MAX) + 1
            self._lost += self._backlog.count(b"\n", end)
            self._backlog = self._backlog[:end]

    def _turn(self, more: int) -> None:
        """Hold the file that has the name now, with room for so many more bytes. Raises OSError."""
        held = os.fstat(self._file)
        try:
            named = self._path.stat()
        except FileNotFoundError:
            self._open()  # somebody has moved it away
            return
        if not os.path.samestat(held, named):
            self._open()
        elif self._bytes_max and held.st_size and held.st_size + more > self._bytes_max:
            self._path.replace(self._path.with_suffix(".log.1"))
            self._open()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            opened = os.open(self._path, flags, 0o600)
        except OSError:
            return  # the one that is open is as good a place
        if self._file == 2:
            self._file = opened
        else:
            os.dup2(opened, self._file, inheritable=False)
            os.close(opened)
        os.dup2(self._file, 1)
        os.dup2(self._file, 2)


class Voice:
    """The output of one process: `theirs` is its stdout and stderr, `ours` is read."""

    def __init__(self, log: NodeLog) -> None:
        self._log = log
        self._partial = b""
        self.ours, self.theirs = os.pipe()
        os.set_blocking(self.ours, False)

    def hear(self) -> bool:
        """Write down what it has said. False: nobody is left who could say more."""
        try:
            said = os.read(self.ours, PIECE_BYTES)
        except BlockingIOError:
            return True
        lines, _, self._partial = (self._partial + said).rpartition(b"\n")
        if self._partial and (not said or len(self._partial) > LINE_BYTES_MAX):
            lines, self._partial = b"\n".join((lines, self._partial)).lstrip(b"\n"), b""
        if lines:
            self._log.write(lines + b"\n")
        return bool(said)
