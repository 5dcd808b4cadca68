"""Lease a worker from the launcher, as engines do in Rust: for proofs and for tests."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from skerry.base.errors import BusyError, CodeError, SkerryError
from skerry.functions.guest import frames
from skerry.process.descriptors import close_all, receive

_BUSY = "function.busy"


class LauncherClient:
    """One connection to a launcher. Blocking, with one bound on every wait."""

    def __init__(self, path: str, token: str, *, timeout_s: float = 10.0) -> None:
        """Connect. Raises OSError: there is no launcher, or it does not take more."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout_s)
            self._socket.connect(path)
            self._socket.sendall(json.dumps({"token": token}).encode() + b"\n")
        except OSError:
            self._socket.close()
            raise

    def ask(
        self, request: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[int]]:  # Any: JSON of every shape
        """One request, its answer, and the descriptors that came along. Raises OSError, SkerryError."""
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        held, numbers = b"", []
        while not held.endswith(b"\n"):
            data, more = receive(self._socket, 65536, 5)
            numbers += more
            if not data:
                close_all(numbers)
                raise ConnectionError("the launcher hung up")
            held += data
        answer: dict[str, Any] = json.loads(held)
        if not answer.get("ok"):
            close_all(numbers)
            raise _error(answer, str(request.get("function", "")))
        return answer, numbers

    def lease(self, function: str, version: str, pop: str) -> Lease:
        """A worker of one's own. Raises BusyError (no room), CodeError (unknown version), OSError."""
        answer, numbers = self.ask(
            {"op": "lease", "function": function, "version": version, "pop": pop}
        )
        return Lease(answer["lease"], answer["worker"], numbers)

    def define(
        self, functions: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:  # Any: JSON of every shape
        """Tell of functions. Returns a row for each: {"function", "version", "rung", "said", "new"}."""
        answer, _ = self.ask({"op": "define", "functions": functions})
        holds: list[dict[str, Any]] = answer["holds"]
        return holds

    def forget(self, function: str, version: str) -> None:
        """Take back a definition that proved of no use."""
        self.ask({"op": "forget", "function": function, "version": version})

    def versions(self) -> set[str]:
        """Every version that may be leased now."""
        answer, _ = self.ask({"op": "status"})
        return {row["version"] for row in answer["functions"]}

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _error(answer: Mapping[str, Any], function: str) -> SkerryError:
    code, message = str(answer.get("code")), str(answer.get("message"))
    kind = BusyError if code == _BUSY else CodeError
    return kind(code, message, about=function)


class Lease:
    """A leased worker. Closing it, or dying with it, ends the worker."""

    def __init__(self, number: int, worker: int, numbers: list[int]) -> None:
        if len(numbers) != 5:
            close_all(numbers)
            raise ConnectionError(f"a lease with {len(numbers)} descriptors, 5 were due")
        self.number, self.worker = number, worker
        self.socket = socket.socket(fileno=numbers[0])
        self.pidfd, self.lifeline, self.stdout, self.stderr = numbers[1:]
        self._reader = frames.Reader(self.socket.recv)
        for pipe in (self.stdout, self.stderr):
            os.set_blocking(pipe, False)

    def holds_bytes(self) -> bool:
        """Whether bytes beyond the last frame are here: do not poll, read."""
        return self._reader.holds_bytes()

    def read(self, timeout_s: float) -> frames.Frame | None:
        """The next frame; None at the worker's end. Raises TimeoutError, WireError."""
        self.socket.settimeout(timeout_s)
        try:
            return self._reader.read()
        except ConnectionResetError:
            return None

    def send(self, kind: int, call_id: int, payload: bytes) -> None:
        """Write a frame. Raises OSError."""
        self.socket.sendall(frames.encode(kind, call_id, payload))

    def drain(self, bytes_max: int = 64 * 1024) -> str:
        """What the worker has printed and nobody has read yet, both pipes, marks removed; never waits."""
        parts: list[bytes] = []
        for pipe in (self.stdout, self.stderr):
            try:
                while len(parts) < 1 + bytes_max // 65536:
                    data = os.read(pipe, 65536)
                    if not data:
                        break
                    parts.append(data)
            except BlockingIOError:
                continue
        text = b"".join(parts)[:bytes_max].decode("utf-8", "replace")
        return "".join(line for line in text.splitlines(True) if not line.startswith("\x1eSKERRY "))

    def close(self) -> None:
        """Let go: the lifeline hangs up, and init ends the worker."""
        self.socket.close()
        close_all([self.lifeline, self.pidfd, self.stdout, self.stderr])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
