"""Workers on loan to engines, seen from init: a pidfd to kill by, and a lifeline that says when.

The engine holds the write end of the lifeline. It closes it to have the worker killed; the kernel closes
it for an engine that was killed. So one mechanism covers deadline, engine's death and workers of other
uids, which an engine may not signal itself. The launcher sends (pidfd, lifeline) here *before* it
hands the worker to an engine.
"""

from __future__ import annotations

import array
import contextlib
import os
import selectors
import signal
import socket
from collections.abc import Callable

ANCILLARY_BYTES = socket.CMSG_SPACE(4 * 2)


class Leases:
    """Channels to launchers and the workers they have told us of."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._workers: dict[int, int] = {}  # lifeline → pidfd

    def __len__(self) -> int:
        return len(self._workers)

    def open_channel(self) -> socket.socket:
        """A socketpair for a new launcher; returns the launcher's end, which the caller closes after the fork.

        Datagram boundaries (SEQPACKET) keep a message and its descriptors together. The channel of a dead
        launcher is read to its end, so that no worker it announced is forgotten.
        """
        ours, theirs = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC
        )
        ours.setblocking(False)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._receive(ours))
        return theirs

    def _receive(self, channel: socket.socket) -> None:
        try:
            data, ancillary, _flags, _address = channel.recvmsg(
                4096, ANCILLARY_BYTES, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        received = array.array("i")
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received.frombytes(payload[: len(payload) - len(payload) % received.itemsize])
        if len(received) == 2:
            self._watch(pidfd=received[0], lifeline=received[1])
        else:  # never from a launcher of ours; keep nothing of it
            for number in received:
                os.close(number)
        if not data and not received:
            self._selector.unregister(channel)
            channel.close()

    def _watch(self, pidfd: int, lifeline: int) -> None:
        self._workers[lifeline] = pidfd
        let_go: Callable[[], None] = lambda: self._end(lifeline, kill=True)  # noqa: E731 - two one-line twins
        gone: Callable[[], None] = lambda: self._end(lifeline, kill=False)  # noqa: E731 - two one-line twins
        try:
            self._selector.register(lifeline, selectors.EVENT_READ, let_go)
            self._selector.register(pidfd, selectors.EVENT_READ, gone)
        except (
            OSError,
            ValueError,
        ):  # not what they should be: an unwatchable worker must not live
            self._end(lifeline, kill=True)

    def _end(self, lifeline: int, *, kill: bool) -> None:
        """Forget a worker: its engine let go (kill), or it has ended by itself."""
        pidfd = self._workers.pop(lifeline, None)
        if pidfd is None:
            return
        if kill:
            kill_by(pidfd)
        for number in (lifeline, pidfd):
            with contextlib.suppress(KeyError, ValueError):  # it never got that far
                self._selector.unregister(number)
            os.close(number)

    def kill_all(self) -> None:
        """Every worker that is still there, for the end of a run."""
        for lifeline in list(self._workers):
            self._end(lifeline, kill=True)


def kill_by(pidfd: int) -> None:
    """SIGKILL. A worker that was reaped already gives ESRCH, which must not take init along."""
    with contextlib.suppress(OSError):  # gone already: that is what was wanted
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
