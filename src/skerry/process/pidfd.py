"""A process named by a descriptor, which never means another one that got the same number."""

from __future__ import annotations

import os
import select
import signal


def open_pidfd(pid: int) -> int:
    """A close-on-exec pidfd of a process that is there. Raises OSError (ESRCH)."""
    return os.pidfd_open(pid)


def kill(pidfd: int, signum: int = signal.SIGKILL) -> bool:
    """Send a signal. False: it is gone, or not ours to signal; neither may take the caller along."""
    try:
        signal.pidfd_send_signal(pidfd, signum)
    except OSError:  # ESRCH after the reap, EPERM across uids
        return False
    return True


def has_ended(pidfd: int, wait_s: float = 0.0) -> bool:
    """Whether the process has ended; waits for it up to `wait_s`. Anybody may ask, not only the parent."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(wait_s * 1000))
