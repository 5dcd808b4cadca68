"""The other end of control's socket, for the command line. Synchronous, standard library and errors only."""

from __future__ import annotations

import json
import os
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self  # Any: answers are JSON; each command knows the fields it asked for

from skerry.base.errors import (
    BugError,
    BusyError,
    CallerError,
    CodeError,
    ConfigError,
    SkerryError,
    UpstreamError,
)

CLASSES: dict[str, type[SkerryError]] = {
    "config": ConfigError,
    "caller": CallerError,
    "upstream": UpstreamError,
    "code": CodeError,
    "busy": BusyError,
    "bug": BugError,
}


class Client:
    """A connection to the control of the project at `root`.

    Raises CallerError `control.not_running` where nothing runs, BusyError where control does not answer.
    elsewhere: how the command that asks is told of another folder.
    """

    def __init__(
        self, root: Path, timeout_s: float = 30.0, *, elsewhere: str = "give the folder"
    ) -> None:
        run = root / ".skerry" / "run"
        try:
            token = (run / "control.token").read_text()
            self._socket = connect(run, "control.sock", timeout_s)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            raise CallerError(
                "control.not_running",
                f"nothing runs for the project in {root}",
                hint=f"start it with `skerry up{place(root)}`; of a project elsewhere, {elsewhere}",
            ) from None
        self._stream = self._socket.makefile("rb")
        self._send({"token": token})

    def ask(self, op: str, **more: object) -> dict[str, Any]:
        """One op, one answer."""
        self._send({"op": op, **more})
        return self._receive()

    def follow(self, op: str, **more: object) -> Iterator[dict[str, Any]]:
        """One op, answers without end."""
        self._send({"op": op, **more})
        self._socket.settimeout(None)
        while True:
            yield self._receive()

    def _send(self, message: dict[str, object]) -> None:
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            self._receive()  # whoever refuses a token closes at once, and says why before
            raise away(error) from error

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._stream.readline()
        except OSError as error:
            raise away(error) from error
        if not line:
            raise away(None)
        answer: dict[str, Any] = json.loads(line)
        if not answer.pop("ok"):
            kind = CLASSES.get(answer["class"], BugError)
            raise kind(
                answer["code"], answer["message"], hint=answer["hint"], about=answer["about"]
            )
        return answer

    def fileno(self) -> int:
        """For a selector."""
        return self._socket.fileno()

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


def place(root: Path) -> str:
    """The project's folder as an argument to paste, where a command would not find it by itself."""
    return "" if root == Path.cwd() else f" {shlex.quote(str(root))}"


def away(error: OSError | None) -> BusyError:
    """Control ended or hangs: init brings it back."""
    return BusyError(
        "control.away",
        f"control did not answer{f': {error}' if error else ''}",
        hint="it is restarted by itself: try again in a second",
    )


def connect(folder: Path, name: str, timeout_s: float) -> socket.socket:
    """Connect to `folder/name` however long that path is: a unix socket's may have 107 bytes (unix(7))."""
    number = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        connection.connect(f"/proc/self/fd/{number}/{name}")
    except OSError:
        connection.close()
        raise
    finally:
        os.close(number)
    return connection
