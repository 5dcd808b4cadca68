"""The image that workers are cloned from, and the first milliseconds of a worker's life.

What must hold before every clone is asserted, not hoped: one thread (a lock held by another would stay
held in the child for ever), known descriptors only, default signal handlers, nothing of a user's imported.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from skerry.functions.guest import environment, frames, shim
from skerry.process import limits
from skerry.process.clone import Child, clone_sibling
from skerry.process.descriptors import close_all, listed, send, task_count
from skerry.process.identity import assume
from skerry.process.ladder import Hold
from skerry.process.prctl import die_with, gain_nothing, set_name

SOCKET_NUMBER = 3


class Unfit(Exception):
    """The image is no longer what may be cloned: end this launcher, init starts a fresh one."""


@dataclass(frozen=True)
class Order:
    """A worker to be made. loading: the LOAD frame's payload; terminal: its input, for a debugger; empty: none."""

    name: str
    loading: bytes
    limits: limits.Limits
    hold: Hold
    terminal: str = ""


@dataclass(frozen=True)
class Made:
    """A worker that runs, and our copies of its ends, to be sent away and closed."""

    child: Child
    socket: socket.socket
    lifeline_read: int
    lifeline_write: int
    stdout: int
    stderr: int

    def for_engine(self) -> list[int]:
        """In the order of the lease's reply: socket, pidfd, lifeline, stdout, stderr."""
        return [
            self.socket.fileno(),
            self.child.pidfd,
            self.lifeline_write,
            self.stdout,
            self.stderr,
        ]

    def for_init(self) -> list[int]:
        return [self.child.pidfd, self.lifeline_read]

    def close(self) -> None:
        """Close our copies of all. A worker that nobody else holds reads the end and leaves."""
        self.socket.close()
        close_all(
            [self.child.pidfd, self.lifeline_read, self.lifeline_write, self.stdout, self.stderr]
        )


class Zygote:
    """This process, as an image."""

    def __init__(self) -> None:
        self._init_pid = os.getppid()
        self._null = os.open("/dev/null", os.O_RDWR)
        self._modules = frozenset(sys.modules)
        self._highest = listed()[-1]
        self.known: set[int] = {0, 1, 2, self._null}

    def settle(self) -> None:
        """Once, when all is imported: move what lives out of the collector's sight, so that a collection
        in a worker does not touch, and so copy, every page of it (4.0 → 1.5 MB a worker, measured)."""
        environment.prepare()
        limits.spend_little_address_space()
        gc.collect()
        gc.freeze()

    def check(self, connections: Iterable[int]) -> None:
        """Raise Unfit where this process may not be cloned."""
        threads = task_count()
        if threads != 1:
            raise Unfit(f"{threads} threads run in the launcher")
        open_now = listed()
        self._highest = open_now[-1]
        strange = set(open_now) - self.known - set(connections)
        if strange:
            raise Unfit(f"unknown descriptors are open in the launcher: {sorted(strange)}")
        for signum in (signal.SIGTERM, signal.SIGCHLD):
            if signal.getsignal(signum) is not signal.SIG_DFL:
                raise Unfit(f"{signum.name} has a handler in the launcher")
        foreign = {
            name
            for name in sys.modules.keys() - self._modules
            if name.partition(".")[0] not in sys.stdlib_module_names
        }
        if foreign:
            raise Unfit(f"the launcher has imported {sorted(foreign)[0]}")
        if os.getppid() != self._init_pid:
            raise Unfit("init is gone")

    def make(self, order: Order) -> Made:
        """Clone a worker. Raises OSError; nothing stays open then."""
        ours, theirs = socket.socketpair()
        opened = [number for _ in range(3) for number in os.pipe()]
        lifeline_read, lifeline_write, out_read, out_write, err_read, err_write = opened
        try:
            ours.sendall(frames.encode(frames.LOAD, 0, order.loading))
            child = clone_sibling()
        except OSError:
            close_all(opened)
            ours.close()
            theirs.close()
            raise
        if child.pid == 0:
            self._highest = max(self._highest, ours.fileno(), theirs.fileno(), *opened)
            self._live(order, theirs.fileno(), out_write, err_write)
        theirs.close()
        close_all([out_write, err_write])
        return Made(child, ours, lifeline_read, lifeline_write, out_read, err_read)

    def _live(self, order: Order, channel: int, out: int, err: int) -> None:
        """A worker's whole life. It never comes back: below lies the launcher's loop."""
        status = 70
        try:
            self._shut_in(order, channel, out, err)
            status = 1
            shim.serve(SOCKET_NUMBER)
            status = 0
        except BaseException:  # broad: nothing may climb from a worker into the launcher's loop
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)

    def _shut_in(self, order: Order, channel: int, out: int, err: int) -> None:
        """The order matters: ids clear the death signal, limits forbid some of what stands above them."""
        os.setsid()
        stdin = self._open_input(order.terminal)
        if order.hold.identity is not None:
            try:
                assume(order.hold.identity)
            except OSError as error:
                said = {
                    "type": "Skerry.Sandbox",
                    "message": f"cannot become uid {order.hold.identity.uid}: {error.strerror}",
                    "trace": "",
                    "stage": "init",
                }
                os.write(channel, frames.encode(frames.ERROR, 0, orjson.dumps(said)))
                raise
        if not die_with(self._init_pid, signal.SIGKILL):
            os._exit(0)
        os.dup2(stdin, 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        if channel != SOCKET_NUMBER:
            os.dup2(channel, SOCKET_NUMBER, inheritable=False)
        os.closerange(
            SOCKET_NUMBER + 1, max(self._highest, stdin) + 1
        )  # one system call, where listing takes 140 µs
        set_name(f"skerry:{order.name}")
        gain_nothing()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        limits.apply(order.limits)

    def _open_input(self, terminal: str) -> int:
        """The null device, or a person's terminal: opened before the ids change, since it is that person's alone."""
        if not terminal:
            return self._null
        try:
            # O_NOCTTY: a session leader that opens a terminal would take it over from its shell
            return os.open(terminal, os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return self._null  # breakpoint() tries it again, and its error names the path


def announce(init: socket.socket, made: Made, about: dict[str, object]) -> None:
    """Tell init of a worker, with pidfd and lifeline: before any engine holds it, so that it can be ended."""
    send(init, orjson.dumps(about) + b"\n", made.for_init())
