"""Start a part of Skerry by plain fork and exec: it inherits descriptors, and it dies with its parent."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from skerry.process.descriptors import VARIABLE
from skerry.process.pidfd import open_pidfd
from skerry.process.prctl import die_with

_RESET = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE)


@dataclass(frozen=True)
class Started:
    """A child that has reached its program. The caller reaps the pid and closes the pidfd."""

    pid: int
    pidfd: int


def spawn(
    argv: Sequence[str],
    environment: Mapping[str, str],
    descriptors: Mapping[str, int | Sequence[int]],
    *,
    folder: str | None = None,
    output: int | None = None,
) -> Started:
    """Fork from the main thread, exec, and return when the program runs.

    argv          the first is a path
    descriptors   name → number or numbers; they keep their numbers and are told in SKERRY_FDS
    output        becomes its stdout and stderr; ours where not given
    Raises OSError with the reason of the exec. SIGKILL follows the parent's end: when init is gone nobody
    is left to end what ignores a request.
    """
    numbers = [n for v in descriptors.values() for n in ([v] if isinstance(v, int) else v)]
    told = {**environment, VARIABLE: json.dumps(descriptors)}
    parent = os.getpid()
    failed_read, failed_write = (
        os.pipe()
    )  # close-on-exec: its end without a byte means the exec went well
    pid = os.fork()
    if pid == 0:
        try:
            if not die_with(parent, signal.SIGKILL):
                os._exit(0)
            for signum in _RESET:
                signal.signal(signum, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
            for number in numbers:
                os.set_inheritable(number, True)
            if output is not None:
                os.dup2(output, 1)
                os.dup2(output, 2)
            if folder is not None:
                os.chdir(folder)
            os.execve(argv[0], list(argv), told)
        except OSError as error:
            os.write(failed_write, str(error.errno or 0).encode())
        finally:
            os._exit(127)
    os.close(failed_write)
    with os.fdopen(failed_read, "rb") as failed:
        said = failed.read()
    if said:
        os.waitpid(pid, 0)
        raise OSError(int(said), os.strerror(int(said)), argv[0])
    return Started(pid, open_pidfd(pid))
