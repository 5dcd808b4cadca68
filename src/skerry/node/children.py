"""Start a part by plain fork and exec, tied to init's life."""

from __future__ import annotations

import ctypes
import json
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

# Loaded before any fork: a child must not import.
_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """prctl(2) with one argument. Raises OSError."""
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def become_subreaper() -> None:
    """Strays of workers become our children, so that they are reaped and can be found."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent_pid: int, signum: int) -> bool:
    """Get `signum` when the parent ends. False: it has ended already (prctl tells nothing of the past)."""
    prctl(PR_SET_PDEATHSIG, signum)
    return os.getppid() == parent_pid


def start(
    argv: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Mapping[str, int | Sequence[int]],
    folder: Path,
) -> int:
    """Fork, exec, return the pid.

    descriptors  name → number(s), told to the child as JSON in SKERRY_FDS. They keep their numbers: all are
                 close-on-exec in init, and the child clears the flag of its own.
    The fork is plain and from the main thread: PDEATHSIG fires when the *thread* that forked ends, and the
    launcher's own children carry on its exit signal.
    """
    numbers = [
        n for value in descriptors.values() for n in ([value] if isinstance(value, int) else value)
    ]
    told = dict(environment) | {"SKERRY_FDS": json.dumps(descriptors)}
    init = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        # SIGKILL, not SIGTERM: when init is gone nobody is left to end what ignores a request.
        if not die_with(init, signal.SIGKILL):
            os._exit(0)
        for signum in (
            signal.SIGTERM,
            signal.SIGINT,
            signal.SIGHUP,
            signal.SIGCHLD,
            signal.SIGPIPE,
        ):
            signal.signal(signum, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        for number in numbers:
            os.set_inheritable(number, True)
        os.chdir(folder)
        os.execve(argv[0], list(argv), told)
    except OSError as error:
        os.write(2, f"skerry: cannot start {argv[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def strays() -> list[int]:
    """Pids of all our children, known or adopted. Empty where the kernel does not list them."""
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]
