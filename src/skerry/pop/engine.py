"""The process of one PoP: a small shell around the native engine. `python -m skerry.pop.engine`

It takes its listeners from SKERRY_FDS and its settings from SKERRY_PART, runs the engine in a thread of its
own, and serves control on its unix socket from the main thread. Not one line of Python runs for a viewer's request.
The last good snapshot lies on disk, so that a restarted engine serves at once, with control or without.
No msgspec, no click here: every import is memory in every PoP.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from _operator import (
    _compare_digest as same,
)  # hmac's own; importing hmac loads OpenSSL, 3 MB a PoP
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from skerry.base import environment
from skerry.pop import logfile
from skerry.pop.frames import FrameError, Frames, encode


class Engine(Protocol):
    """What the shell uses of skerry._native.Engine."""

    def apply(self, snapshot: bytes) -> None: ...
    def purge(self, request: bytes) -> tuple[int, int]: ...
    def share_journal(self, shares: bool) -> None: ...
    def status(self) -> bytes: ...
    def explain_request(self, request_id: str) -> bytes | None: ...
    def explain_url(self, request: bytes) -> bytes: ...
    def run(self) -> None: ...
    def drain(self, deadline_s: float) -> None: ...


class Shell:
    """An engine, its snapshot on disk, and the socket on which control speaks to it.

    stored  where the last good snapshot lies
    ready   called once, when the engine serves
    """

    def __init__(
        self,
        engine: Engine,
        listener: socket.socket,
        *,
        token: str,
        stored: Path,
        drain_s: float,
        ready: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._listener = listener
        self._token = token
        self._stored = stored
        self._drain_s = drain_s
        self._ready = ready
        self._version = 0
        self._runner: threading.Thread | None = None
        self._failed: BaseException | None = None
        self._wake, self._woken = socket.socketpair()
        self._draining = False

    @property
    def failed(self) -> BaseException | None:
        """Why the engine stopped serving, where it was not asked to."""
        return self._failed

    def restore(self) -> bool:
        """Serve the stored snapshot. False: there is none, or it is of no use (then control brings one)."""
        try:
            snapshot = self._stored.read_bytes()
        except OSError:
            return False
        try:
            self._apply(snapshot)
        except ValueError as error:
            sys.stderr.write(f"{self._stored.name} cannot be used, waiting for control: {error}\n")
            return False
        return True

    def drain(self) -> None:
        """Stop accepting, finish, end. Safe to call from a signal handler."""
        self._draining = True
        self._wake.send(b"d")

    def serve(self) -> int:
        """Until drained or the engine ends. Returns the exit code."""
        import selectors  # here and not above: tests of the pure parts need none of it

        selector = selectors.DefaultSelector()
        self._listener.setblocking(False)
        selector.register(self._listener, selectors.EVENT_READ)
        selector.register(self._woken, selectors.EVENT_READ)
        conversations: dict[int, Conversation] = {}
        while not self._draining and self._failed is None:
            for key, _events in selector.select():
                if key.fileobj is self._woken:
                    self._woken.recv(64)
                elif key.fileobj is self._listener:
                    accepted = accept(self._listener)
                    if accepted is not None:
                        conversations[accepted.fileno()] = Conversation(
                            accepted, self._token, self.answer
                        )
                        selector.register(accepted, selectors.EVENT_READ)
                elif not conversations[key.fd].hear():
                    selector.unregister(key.fd)
                    conversations.pop(key.fd).close()
                    if not conversations:
                        self._engine.share_journal(True)
        self._engine.share_journal(True)  # before control is let go: it asks the next engine then
        # Deregister before closing: epoll goes on reporting a closed copy of a socket that others hold.
        selector.unregister(self._listener)
        self._listener.close()
        for conversation in conversations.values():
            conversation.close()
        selector.close()
        return self._finish()

    def close(self) -> None:
        """Let go of what a shell that has ended, or never served, still holds."""
        self._listener.close()
        self._wake.close()
        self._woken.close()

    def _finish(self) -> int:
        if self._failed is None and self._runner is not None:
            self._engine.drain(self._drain_s)
            self._runner.join(self._drain_s + 0.5)
        return 70 if self._failed is not None else 0

    def answer(self, head: dict[str, object], body: bytes) -> bytes:
        """One op of control. Refusals are answers too; only a broken frame ends a conversation."""
        op = OPS.get(str(head.get("op")))
        if op is None:
            return encode(
                {"ok": False, "code": "engine.unknown_op", "message": f"no op {head.get('op')!r}"}
            )
        try:
            said, payload = op(self, head, body)
        except ValueError as error:
            return encode({"ok": False, "code": "engine.refused", "message": str(error)})
        return encode({"ok": True, **said}, payload)

    # ---- ops

    def hello(self, _head: Mapping[str, object], _body: bytes) -> tuple[dict[str, object], bytes]:
        # whoever purges has chosen this engine: no other one of this PoP is asked from now on
        self._engine.share_journal(False)
        return {"pid": os.getpid(), "version": self._version}, b""

    def apply(self, _head: Mapping[str, object], body: bytes) -> tuple[dict[str, object], bytes]:
        self._apply(body)
        self._keep(body)
        return {"version": self._version}, b""

    def purge(self, _head: Mapping[str, object], body: bytes) -> tuple[dict[str, object], bytes]:
        sequence, held = self._engine.purge(body)
        return {"sequence": sequence, "held": held}, b""

    def status(self, _head: Mapping[str, object], _body: bytes) -> tuple[dict[str, object], bytes]:
        return {"pid": os.getpid(), "version": self._version}, self._engine.status()

    def explain_request(
        self, head: Mapping[str, object], _body: bytes
    ) -> tuple[dict[str, object], bytes]:
        found = self._engine.explain_request(str(head.get("id", "")))
        return {"found": found is not None}, found or b""

    def explain_url(
        self, _head: Mapping[str, object], body: bytes
    ) -> tuple[dict[str, object], bytes]:
        return {}, self._engine.explain_url(body)

    def drain_op(
        self, _head: Mapping[str, object], _body: bytes
    ) -> tuple[dict[str, object], bytes]:
        self.drain()
        return {}, b""

    # ---- inside

    def _apply(self, snapshot: bytes) -> None:
        version = int(json.loads(snapshot).get("version", 0))
        self._engine.apply(snapshot)
        self._version = version
        if self._runner is None:
            # Not before there is something to serve: until then viewers wait in the kernel's queue.
            self._runner = threading.Thread(target=self._run, name="engine", daemon=True)
            self._runner.start()
            self._ready()

    def _keep(self, snapshot: bytes) -> None:
        """No fsync: it has to outlive this process, not the machine (a new run starts without it)."""
        draft = self._stored.with_suffix(".new")
        try:
            draft.write_bytes(snapshot)
            draft.replace(self._stored)
        except OSError as error:
            sys.stderr.write(
                f"{self._stored.name} was not kept, a restart will wait for control: {error}\n"
            )

    def _run(self) -> None:
        try:
            self._engine.run()
            if not self._draining:
                self._failed = RuntimeError("the engine stopped serving without being asked to")
        except BaseException as error:  # whatever it is, restart
            self._failed = error
        self._wake.send(b"e")


OPS: dict[str, Callable[[Shell, dict[str, object], bytes], tuple[dict[str, object], bytes]]] = {
    "hello": Shell.hello,
    "apply": Shell.apply,
    "purge": Shell.purge,
    "status": Shell.status,
    "explain_request": Shell.explain_request,
    "explain_url": Shell.explain_url,
    "drain": Shell.drain_op,
}


def accept(listener: socket.socket) -> socket.socket | None:
    """The next connection; None where a draining twin on the same listener was faster."""
    try:
        connection, _address = listener.accept()
    except (BlockingIOError, ConnectionAbortedError):
        return None
    connection.settimeout(
        5.0
    )  # for sends: control that does not read must not hold the shell for ever
    return connection


class Conversation:
    """One connection on the engine's socket: token first, then frames."""

    def __init__(
        self,
        connection: socket.socket,
        token: str,
        answer: Callable[[dict[str, object], bytes], bytes],
    ) -> None:
        self._connection = connection
        self._token = token
        self._answer = answer
        self._frames = Frames()
        self._known = False

    def hear(self) -> bool:
        """Read what there is and answer it. False: it is over."""
        try:
            data = self._connection.recv(1 << 18)
            if not data:
                return False
            for head, body in self._frames.feed(data):
                if not self._known:
                    self._known = same(str(head.get("token", "")).encode(), self._token.encode())
                    if not self._known:
                        refusal = {
                            "ok": False,
                            "code": "engine.token",
                            "message": "the token is missing or wrong",
                        }
                        self._connection.sendall(encode(refusal))
                        return False
                    if "op" not in head:
                        continue
                self._connection.sendall(self._answer(head, body))
        except (FrameError, OSError):
            return False
        return True

    def close(self) -> None:
        self._connection.close()


def config(
    descriptors: Mapping[str, object], part: Mapping[str, object], launcher_token: str
) -> bytes:
    """What skerry._native.Engine is told."""
    pop = str(part["pop"])
    return json.dumps(
        {
            "pop": pop,
            "threads": part["threads"],
            "http_fds": descriptors.get("http", []),
            "https_fds": descriptors.get("https", []),
            "cache_bytes_max": part["cache_bytes_max"],
            "object_bytes_max": part["object_bytes_max"],
            "state_dir": f"{part['state_dir']}/pops/{pop}",
            "access_log": f"{part['log_dir']}/{logfile.file_of(pop, str(part['access_log_format']))}",
            "access_log_format": part["access_log_format"],
            "function_log": f"{part['log_dir']}/functions.log",
            "log_bytes_max": part["log_bytes_max"],
            "no_deadline": not part["deadlines"],
            "is_private": True,
            "launcher": "launcher.sock",  # relative: we run in the run folder, as all parts do
            "launcher_token": launcher_token,
            "tls_dir": part["tls_dir"],
        }
    ).encode()


def main() -> int:
    """Start from what init has put into the environment."""
    descriptors = json.loads(environment.read("SKERRY_FDS"))
    part = json.loads(environment.read("SKERRY_PART"))
    pop = part["pop"]
    # snapshots hold the origins' secret headers, records hold what viewers asked for: nobody else's to read
    os.umask(0o077)
    Path(part["state_dir"], "pops", pop).mkdir(mode=0o700, parents=True, exist_ok=True)
    from skerry._native import Engine as Native  # not above: tests of the shell need no native core

    engine = Native(config(descriptors, part, Path("launcher.token").read_text()))

    def ready() -> None:
        os.write(descriptors["ready"], b"READY\n")
        os.close(descriptors["ready"])

    shell = Shell(
        engine,
        socket.socket(fileno=descriptors["engine"]),
        token=Path("engine.token").read_text(),
        stored=Path(f"snapshot-{pop}.json"),
        drain_s=part["drain_s"],
        ready=ready,
    )
    signal.signal(signal.SIGTERM, lambda *_: shell.drain())
    signal.signal(signal.SIGINT, lambda *_: shell.drain())
    shell.restore()
    code = shell.serve()
    if shell.failed is not None:
        sys.stderr.write(f"{pop}: {type(shell.failed).__name__}: {shell.failed}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
