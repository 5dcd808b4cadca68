"""The launcher: a process of one thread that makes workers for engines.

`python -m skerry.functions.launcher`, started by init with SKERRY_FDS naming `launcher` (the listener, a
unix stream socket) and `init` (a socketpair). Lines of JSON; the first of a connection is {"token": …},
answered only where it is wrong. Then, each answered by one line:

{"op": "lease", "function", "version", "pop"}
    {"ok": true, "lease", "worker"} with five descriptors: socket, pidfd, lifeline, stdout, stderr
{"op": "define", "functions": [{name, version, source, handler, …}]}
    {"ok": true, "holds": [{"function", "version", "rung", "said", "new"}]}
{"op": "forget", "function", "version"}
    {"ok": true}
{"op": "status"}
    {"ok": true, "workers", "promised_mb", "available_mb", "functions": [{"function", "version"}]}

or {"ok": false, "code", "message"}. It has no children and reaps nothing: a worker's parent is init, which
gets pidfd and lifeline before the engine gets anything. Killed, it takes no call along.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import selectors
import signal
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from skerry.base import environment
from skerry.functions import zygote as image
from skerry.functions.admission import Census, Memory, read_memory
from skerry.functions.known import BadDefinition, Functions, Known, code_unreadable, read_row
from skerry.functions.settings import Settings
from skerry.process import descriptors
from skerry.process.identity import first_unreadable, offer, read_mapped_uids
from skerry.process.ladder import Hold, NoSuchHold, climb
from skerry.process.limits import limits_of

LINE_BYTES_MAX = 4 * 1024 * 1024
CONNECTIONS_MAX = 256

Reply = dict[str, Any]  # Any: JSON, as it came or will go over the wire


@dataclass
class Connection:
    """An engine or control."""

    socket: socket.socket
    welcome: bool = False
    held: bytes = field(default=b"")


class Launcher:
    """The loop. One request at a time, each under a millisecond but `define`."""

    def __init__(self, listener: socket.socket, init: socket.socket, settings: Settings) -> None:
        self._listener, self._init, self._settings = listener, init, settings
        self._functions = Functions(
            settings.state_dir and settings.state_dir / "run" / "functions.json"
        )
        self._census = Census()
        self._lease = int.from_bytes(os.urandom(3)) << 24  # numbers of two launchers never meet
        self._mapped = read_mapped_uids()
        self._root = os.geteuid() == 0
        self._runtime_unreadable: str | None = None  # not looked at yet
        self._selector = selectors.EpollSelector()
        self._connections: dict[int, Connection] = {}
        self._zygote = image.Zygote()
        self._zygote.known |= {listener.fileno(), init.fileno(), self._selector.fileno()}

    def run(self) -> None:
        """Serve for ever. Raises Unfit when this process may not be cloned any more."""
        self._functions.recall()
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._zygote.settle()
        while True:
            for key, _ in self._selector.select():
                if key.fd == self._listener.fileno():
                    self._accept()
                elif connection := self._connections.get(key.fd):
                    self._read(connection)

    def _accept(self) -> None:
        try:
            channel, _ = self._listener.accept()
        except OSError:
            return  # the caller left again, or another launcher on this listener was quicker
        if len(self._connections) >= CONNECTIONS_MAX:
            channel.close()
            return
        channel.setblocking(False)
        self._connections[channel.fileno()] = Connection(channel)
        self._selector.register(channel, selectors.EVENT_READ)

    def _drop(self, connection: Connection) -> None:
        if self._connections.pop(connection.socket.fileno(), None) is not None:
            self._selector.unregister(connection.socket)
            connection.socket.close()

    def _read(self, connection: Connection) -> None:
        try:
            # plain recv: descriptors that somebody sends along are dropped by the kernel
            more = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            more = b""
        connection.held += more
        if not more or len(connection.held) > LINE_BYTES_MAX:
            self._drop(connection)
            return
        *lines, connection.held = connection.held.split(b"\n")
        for line in lines:
            if connection.socket.fileno() < 0:
                return
            self._obey(connection, line)

    def _obey(self, connection: Connection, line: bytes) -> None:
        try:
            request = orjson.loads(line)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            self._answer(
                connection, refusal("function.bad_request", "a line must be a JSON object")
            )
            self._drop(connection)
            return
        if not connection.welcome:
            digest = hashlib.sha256(str(request.get("token", "")).encode()).digest()
            connection.welcome = hmac.compare_digest(digest, self._settings.token_digest)
            if not connection.welcome:
                self._answer(connection, refusal("function.token_refused", "the token is wrong"))
                self._drop(connection)
            return
        operation = request.get("op")
        if operation == "lease":
            self._lease_to(connection, request)
        elif operation == "define":
            self._answer(connection, self._define(request))
        elif operation == "forget":
            self._functions.forget(str(request.get("function")), str(request.get("version")))
            self._answer(connection, {"ok": True})
        elif operation == "status":
            self._answer(connection, self._status())
        else:
            self._answer(
                connection,
                refusal(
                    "function.bad_request", f"no op {operation!r}: lease, define, forget, status"
                ),
            )

    def _answer(
        self, connection: Connection, reply: Reply, numbers: list[int] | None = None
    ) -> None:
        try:
            descriptors.send(connection.socket, orjson.dumps(reply) + b"\n", numbers or [])
        except OSError:  # gone, or it does not read what it asked for
            self._drop(connection)

    def _lease_to(self, connection: Connection, request: Reply) -> None:
        name, version = str(request.get("function", "")), str(request.get("version", ""))
        known = self._functions.find(name, version)
        if known is None:
            others = len(self._functions.versions(name))
            message = (
                f"function {name!r} has no version {version!r} here ({others} others)"
                if version  # an engine is told of none while none has loaded
                else f"no version of {name!r} has loaded so far; `skerry status` says why"
            )
            self._answer(connection, refusal("function.unknown", message))
            return
        busy = self._census.refuse(read_memory(), known.memory_mb, name)
        if busy:
            self._answer(connection, refusal("function.busy", busy))
            return
        self._zygote.check(self._connections)
        try:
            made = self._zygote.make(self._order(known, str(request.get("pop", ""))))
        except NoSuchHold as error:
            self._answer(connection, refusal("function.sandbox_refused", str(error)))
            return
        except OSError as error:
            message = f"no worker could be made: {error.strerror}"
            self._answer(connection, refusal("function.busy", message))
            return
        self._lease += 1
        about = {"lease": self._lease, "worker": made.child.pid}
        try:
            image.announce(
                self._init,
                made,
                {**about, "function": name, "version": version, "pop": request.get("pop")},
            )
            self._answer(connection, {"ok": True, **about}, made.for_engine())
            self._census.add(
                made.child.pid, known.memory_mb, name
            )  # reads /proc: nobody waits for that
        finally:
            made.close()

    def _order(self, known: Known, pop: str) -> image.Order:
        hold = self._hold(known)
        settings = self._settings
        loading = {
            "name": known.name,
            "version": known.version,
            "handler": known.handler,
            "folder": known.source,
            "origin": known.origin or known.source,
            "packages": [folder for folder in known.python.split(":") if folder],
            "guest": settings.guest_packages,
            "memory_mb": known.memory_mb,
            "pop": pop,
            "env": known.env,
            "debug": settings.debug,
            "debug_tty": settings.debug_tty,
        }
        limits = limits_of(known.memory_mb, debug=settings.debug, own_uid=hold.identity is not None)
        terminal = settings.debug_tty if settings.debug else ""
        return image.Order(known.name, orjson.dumps(loading), limits, hold, terminal)

    def _hold(self, known: Known) -> Hold:
        """The rung for a version. Walks its code once. Raises NoSuchHold."""
        key = (known.name, known.version)
        hold = self._functions.holds.get(key)
        if hold is None:
            unreadable = ""
            if self._root and self._settings.sandbox != "T0":
                unreadable = self._look_at_runtime() or code_unreadable(known)
            offered = offer(
                known.name,
                self._settings.scope,
                root=self._root,
                mapped=self._mapped,
                unreadable=unreadable,
            )
            hold = self._functions.holds[key] = climb(self._settings.sandbox, offered)
        return hold

    def _look_at_runtime(self) -> str:
        """What a stranger cannot read of interpreter and guest packages. Thousands of files: once."""
        if self._runtime_unreadable is None:
            library = str(Path(os.__file__).parent)
            self._runtime_unreadable = first_unreadable(
                [f"{sys.base_prefix}/bin", library, *filter(None, [self._settings.guest_packages])]
            )
        return self._runtime_unreadable

    def _define(self, request: Reply) -> Reply:
        rows = request.get("functions")
        if not isinstance(rows, list):
            return refusal("function.bad_definition", "functions must be a list")
        try:
            known = [read_row(row) for row in rows]
        except BadDefinition as error:
            return refusal("function.bad_definition", str(error))
        new = self._functions.define(known)
        holds = []
        for each, is_new in zip(known, new, strict=True):
            try:
                hold = self._hold(each)
                rung, said = hold.rung, hold.said
            except NoSuchHold as error:
                rung, said = "", str(error)
            except OSError as error:
                rung, said = "", f"the code cannot be read: {error}"
            about = {"function": each.name, "version": each.version}
            holds.append({**about, "rung": rung, "said": said, "new": is_new})
        return {"ok": True, "holds": holds}

    def _status(self) -> Reply:
        self._census.look()
        promised_mb, workers = self._census.sums()
        memory: Memory = read_memory()
        return {
            "ok": True,
            "workers": workers,
            "promised_mb": promised_mb,
            "available_mb": memory.available_mb,
            "functions": self._functions.names(),
        }


def refusal(code: str, message: str) -> Reply:
    """The shape of every no."""
    return {"ok": False, "code": code, "message": message}


def main() -> int:
    """Take over what init handed down, and serve."""
    # Ctrl-C in the terminal reaches the whole group; init alone decides when a launcher ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    handed = descriptors.inherited({descriptors.VARIABLE: environment.read(descriptors.VARIABLE)})
    settings = Settings.read()
    listener, init = handed["launcher"][0], handed["init"][0]
    descriptors.keep_only([listener, init])
    launcher = Launcher(socket.socket(fileno=listener), socket.socket(fileno=init), settings)
    try:
        launcher.run()
    except image.Unfit as error:
        sys.stderr.write(f"skerry launcher: {error}; a fresh one takes over\n")
    return 75  # EX_TEMPFAIL: init starts the next


if __name__ == "__main__":
    sys.exit(main())
