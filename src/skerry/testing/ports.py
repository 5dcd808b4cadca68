"""Ports that are free now. Another process may take one before we do: whoever binds says so, and tries again."""

from __future__ import annotations

import contextlib
import socket


def free(count: int = 1) -> list[int]:
    """`count` different free ports on loopback."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def listener() -> socket.socket:
    """A socket that listens on a free port."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", 0))
    made.listen(128)
    return made
