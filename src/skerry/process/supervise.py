"""What a parent of many does: reap all, end whole groups, hold workers by their lifelines.

A lease of a worker is a socket, a pidfd and a lifeline: a pipe whose write end the engine holds. The
parent watches the read end; when it hangs up, by wish, by deadline or because the engine was killed, the
worker is killed. So an engine ends workers of any uid without a right to signal them.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from dataclasses import dataclass

from skerry.process import pidfd as process_by_fd


@dataclass(frozen=True)
class Ended:
    """A child that was reaped. status: exit code, or minus the signal's number."""

    pid: int
    status: int


def reap() -> list[Ended]:
    """Reap all children that have ended, and end what each left in a process group of its own.

    The group is ended before the reap: until then nobody else can have got its number.
    """
    ended: list[Ended] = []
    while True:
        try:
            info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return ended
        if info is None:
            return ended
        end_group(info.si_pid)
        pid, status = os.waitpid(info.si_pid, 0)
        ended.append(Ended(pid, os.waitstatus_to_exitcode(status)))


def end_group(leader: int) -> None:
    """SIGKILL to the group that `leader`, a child not yet reaped, leads; nothing where it leads none."""
    with contextlib.suppress(OSError):  # no such group: it never called setsid, or all is gone
        os.killpg(leader, signal.SIGKILL)


class Lifelines:
    """Workers on loan: lifeline → pidfd. One selector is shared with the owner's other descriptors."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._pidfds: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._pidfds)

    def hold(self, pidfd: int, lifeline: int) -> None:
        """Take both over. The owner calls `tend` when the selector reports either (its data is self)."""
        self._pidfds[lifeline] = pidfd
        self._selector.register(lifeline, selectors.EVENT_READ, self)
        self._selector.register(pidfd, selectors.EVENT_READ, self)

    def tend(self, number: int) -> None:
        """A lifeline hung up: kill. A pidfd became readable: its process has ended. Both: forget."""
        lifeline = number if number in self._pidfds else self._lifeline_of(number)
        if lifeline is None:
            return
        pidfd = self._pidfds.pop(lifeline)
        if number == lifeline:
            process_by_fd.kill(pidfd)
        for each in (lifeline, pidfd):
            self._selector.unregister(each)
            os.close(each)

    def _lifeline_of(self, pidfd: int) -> int | None:
        return next((line for line, held in self._pidfds.items() if held == pidfd), None)

    def cut_all(self) -> None:
        """Kill every worker that is still held."""
        for lifeline in list(self._pidfds):
            self.tend(lifeline)
