from __future__ import annotations

import os
import signal

from skerry.process import pidfd


def test_a_process_by_descriptor() -> None:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    number = pidfd.open_pidfd(pid)
    assert not os.get_inheritable(number)
    assert not pidfd.has_ended(number)
    assert pidfd.kill(number)
    assert pidfd.has_ended(number, 5)
    os.waitpid(pid, 0)
    assert pidfd.has_ended(number)  # after the reap too
    assert not pidfd.kill(number)  # gone, which must not raise in init
    os.close(number)
