"""Workers on loan to engines: the launcher tells init of each over a channel, before any engine has it.

What comes is (pidfd, lifeline). The engine holds the lifeline's other end: it closes it to have the worker
killed, and the kernel closes it for an engine that was killed (skerry.process.supervise has the rest).
"""

from __future__ import annotations

import selectors
import socket

from skerry.process.descriptors import close_all, receive
from skerry.process.supervise import Lifelines

MESSAGE_BYTES_MAX = 4096


class Leases:
    """Channels to launchers, one after another, and the workers they have told us of."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._lifelines = Lifelines(selector)

    def __len__(self) -> int:
        return len(self._lifelines)

    def open_channel(self) -> socket.socket:
        """A socketpair for a new launcher; returns the launcher's end, which the caller closes after the fork.

        Datagram boundaries (SEQPACKET) keep a message and its descriptors together. The channel of a dead
        launcher is read to its end, so that no worker it announced is forgotten.
        """
        ours, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC
        )
        ours.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear(ours))
        return theirs

    def _hear(self, channel: socket.socket) -> None:
        try:
            data, numbers = receive(channel, MESSAGE_BYTES_MAX, 2)
        except BlockingIOError:
            return
        except OSError:
            data, numbers = b"", []
        if len(numbers) == 2:
            self._lifelines.hold(pidfd=numbers[0], lifeline=numbers[1])
        else:
            close_all(numbers)  # never from a launcher of ours; keep nothing of it
        if not data:
            self._selector.unregister(channel)
            channel.close()

    def kill_all(self) -> None:
        """Every worker that is still there, for the end of a run."""
        self._lifelines.cut_all()
