"""Every listening socket of a run, bound once by init and inherited by whoever serves it.

One socket per address, never SO_REUSEPORT: while init holds it, connections to a dead engine wait in the
kernel's queue for the next one (docs/decisions/processes.md has the figures). Nobody calls shutdown() on
a listener: that stops the socket for all its holders.
"""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

BACKLOG = 4096  # the kernel caps it at net.core.somaxconn


class BindError(Exception):
    """A listener cannot be had. code, hint: as in rules/errors.toml (init imports no msgspec)."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def bind_tcp(address: str, port: int, *, what: str, key: str) -> socket.socket:
    """A listener for viewers. `what` and `key` stand in the error: whose port, and where it is set."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    # Without it a port stays busy for a minute of TIME_WAIT after each run; it does not let two listen.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise refusal(error, address, port, what=what, key=key) from error
    listener.setblocking(False)  # O_NONBLOCK is shared by all holders: set once, here
    return listener


def refusal(error: OSError, address: str, port: int, *, what: str, key: str) -> BindError:
    """The sentence for a bind that failed."""
    if error.errno == errno.EADDRINUSE:
        who = holder(port)
        return BindError(
            "node.port_in_use",
            f"port {port} on {address}, wanted for {what}, is in use"
            + (f" by {who}" if who else ""),
            f"stop that program, or set another {key} under [local] in skerry.toml (PoP n takes {key} + n)",
        )
    if error.errno == errno.EACCES:
        return BindError(
            "node.port_refused",
            f"port {port} on {address}, wanted for {what}, may not be bound by this user",
            f"set {key} under [local] in skerry.toml to a port above 1023",
        )
    return BindError(
        "node.address_refused",
        f"{address}:{port}, wanted for {what}, cannot be bound: {error.strerror}",
        "give --bind an address of this machine (127.0.0.1 is the default)",
    )


def bind_unix(folder: Path, name: str) -> socket.socket:
    """A listener for our own parts, mode 0600, at `folder/name`. A stale one is replaced: the lock is ours."""
    (folder / name).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    # The mode is born with the socket: there is no moment at which others may connect.
    before = os.umask(0o177)
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(folder)  # a path longer than sun_path would be refused; a name never is
        listener.bind(name)
        listener.listen(BACKLOG)
    finally:
        os.fchdir(here)
        os.close(here)
        os.umask(before)
    listener.setblocking(False)
    return listener


def holder(port: int, proc: Path = Path("/proc")) -> str:
    """Who listens on a TCP port: `pid 4711 (nginx)`, or empty where it cannot be seen."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            cells = line.split()
            if cells[3] == "0A" and int(cells[1].rpartition(":")[2], 16) == port:  # 0A: LISTEN
                inodes.add(f"socket:[{cells[9]}]")
    for process in proc.iterdir() if inodes else ():
        if not process.name.isdigit():
            continue
        try:
            if any(str(entry.readlink()) in inodes for entry in (process / "fd").iterdir()):
                return f"pid {process.name} ({(process / 'comm').read_text().strip()})"
        except OSError:
            continue  # gone by now, or another user's
    return ""
