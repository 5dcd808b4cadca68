"""Whose print is whose: marks in both pipes around each call, and logging that looks as on AWS.

A mark is a line of its own, `\\x1eSKERRY <word> B|E <call id>`, B before the handler starts and E after it
ended, both before the RESULT: an engine that has the RESULT finds the E in the pipe already. The word is
random per worker and told in HELLO, so that a handler can forge its own function's log at most.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import time
from typing import TextIO


class Output:
    """The two pipes. They are kept under private numbers: a handler that closes 1 or 2 closes its own."""

    def __init__(self, stdout: int, stderr: int, word: str) -> None:
        self._pipes = (os.dup(stdout), os.dup(stderr))
        self._begin = b"\x1eSKERRY " + word.encode() + b" B "
        self._end = b"\x1eSKERRY " + word.encode() + b" E "
        self.request_id = ""
        self._own = (_text(stdout), _text(stderr))
        sys.stdout, sys.stderr = self._own
        # setattr, since these names are Final to a type checker; a handler may write to them all the same
        setattr(sys, "__stdout__", self._own[0])  # noqa: B010 - as above
        setattr(sys, "__stderr__", self._own[1])  # noqa: B010 - as above
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
        setattr(sys, "__stdin__", sys.stdin)  # noqa: B010 - as above

    def begin(self, call_id: int, request_id: str) -> None:
        """Mark the start of a call in both pipes."""
        self.request_id = request_id
        self._mark(self._begin + b"%d\n" % call_id)

    def end(self, call_id: int) -> None:
        """Flush what the call printed, wherever it had sys.stdout point to, and mark its end."""
        self.flush()
        self._mark(self._end + b"%d\n" % call_id)
        self.request_id = ""

    def flush(self) -> None:
        """Flush the handler's streams and our own."""
        for stream in {id(s): s for s in (sys.stdout, sys.stderr, *self._own)}.values():
            try:
                stream.flush()
            except Exception:  # broad: the user's own object, or one that the user closed
                continue

    def _mark(self, line: bytes) -> None:
        for pipe in self._pipes:
            try:
                os.write(pipe, line)  # under PIPE_BUF: never torn by a thread that prints
            except OSError:
                continue  # nobody reads any more: the engine is gone, and the worker soon is


def _text(number: int) -> TextIO:
    # Line by line, so that a killed call's last lines are not lost in a buffer; no text can fail to print.
    return io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(number, "w", closefd=False)),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )


class _Lines(logging.Handler):
    """What AWS's runtime puts on the root logger: level, UTC time, request id, message, by tabs."""

    def __init__(self, output: Output) -> None:
        super().__init__()
        self._output = output
        form = logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )
        form.converter = time.gmtime
        self.setFormatter(form)

    def emit(self, record: logging.LogRecord) -> None:
        record.aws_request_id = self._output.request_id
        try:
            sys.stdout.write(self.format(record) + "\n")
        except Exception:  # broad: as logging's own handlers do, a log line never fails the call
            self.handleError(record)


def set_up_logging(output: Output) -> None:
    """One handler on the root logger at WARNING, so that `logging.basicConfig` does nothing, as on AWS."""
    logging.getLogger().addHandler(_Lines(output))
