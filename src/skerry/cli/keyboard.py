"""Keys one by one and unechoed, for as long as the terminal is ours; it is given back whenever it is not.

It is not ours after Ctrl-Z and `bg`, nor where we were started with `&`: who reads from a terminal then, or changes it,
is stopped by the kernel (SIGTTIN, SIGTTOU: termios(3), "Job control").
"""

from __future__ import annotations

import errno
import os
import selectors
import signal
import sys
import termios
import tty
from types import FrameType
from typing import Any  # Any: the modes of a terminal, as termios(3) lists them

SUSPENDED = "suspended; the project serves on. `fg`: back to it · `bg`: on without keys"


class Keyboard:
    """The terminal at a descriptor. `tend` is called now and then; while the terminal is ours, `selector` reports
    its keys as "key"."""

    def __init__(self, number: int, selector: selectors.BaseSelector) -> None:
        self._number = number
        self._selector = selector
        self._before: list[Any] | None = None  # its modes while we have changed them

    def __enter__(self) -> Keyboard:
        signal.signal(signal.SIGTSTP, self._suspend)
        signal.signal(signal.SIGCONT, self._resume)
        self.tend()
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.signal(signal.SIGCONT, signal.SIG_DFL)
        if self._is_ours():
            self._give_back()

    def tend(self) -> None:
        """Take the terminal when it has become ours, leave its keys alone when it no longer is."""
        is_ours = self._is_ours()
        if is_ours and self._before is None:
            self._before = termios.tcgetattr(self._number)
            tty.setcbreak(self._number)
            self._selector.register(self._number, selectors.EVENT_READ, "key")
        elif not is_ours:
            self._forget()

    def _is_ours(self) -> bool:
        try:
            return os.tcgetpgrp(self._number) == os.getpgrp()
        except OSError as error:
            return error.errno == errno.ENOTTY  # nobody's: a terminal without a session has no jobs

    def _give_back(self) -> None:
        before = self._before
        self._forget()
        if before is not None:
            termios.tcsetattr(self._number, termios.TCSADRAIN, before)

    def _forget(self) -> None:
        if self._before is not None:
            self._before = None
            self._selector.unregister(self._number)

    def _suspend(self, _signum: int, _frame: FrameType | None) -> None:
        """Ctrl-Z: the shell finds its terminal as it was."""
        if self._is_ours():
            self._give_back()
        sys.stderr.write(f"\n{SUSPENDED}\n")
        sys.stderr.flush()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # here we stand until somebody wants us again
        signal.signal(signal.SIGTSTP, self._suspend)

    def _resume(self, _signum: int, _frame: FrameType | None) -> None:
        """Whoever had the terminal meanwhile has left it as it pleased him."""
        self._forget()
        self.tend()
