from __future__ import annotations

import os
import signal
import sys
import tempfile

import pytest

from skerry.process import pidfd
from skerry.process.spawn import spawn


def test_a_child_gets_its_descriptors_by_name_and_no_others() -> None:
    read, write = os.pipe()
    stray = os.open("/dev/null", os.O_RDONLY)
    script = (
        "import json, os\nfds = json.loads(os.environ['SKERRY_FDS'])\n"
        f"open_ = os.path.exists('/proc/self/fd/{stray}')\n"
        "os.write(fds['out'], f\"{os.environ['WORD']} {os.getcwd()} {open_}\".encode())\n"
    )
    started = spawn(
        [sys.executable, "-S", "-c", script],
        {"WORD": "hi"},
        {"out": write},
        folder=tempfile.gettempdir(),
    )
    os.close(write)
    with os.fdopen(read) as file:
        assert file.read() == f"hi {os.path.realpath(tempfile.gettempdir())} False"
    assert os.waitpid(started.pid, 0)[1] == 0
    os.close(started.pidfd)
    os.close(stray)


def test_what_cannot_be_started_says_why() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        spawn(["/no/such/program"], {}, {})
    assert caught.value.filename == "/no/such/program"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # and it is reaped


def test_it_dies_with_its_parent() -> None:
    read, write = os.pipe()
    middle = os.fork()
    if middle == 0:
        started = spawn([sys.executable, "-S", "-c", "import signal; signal.pause()"], {}, {})
        os.write(write, str(started.pid).encode())
        signal.pause()
    os.close(write)
    number = os.pidfd_open(int(os.read(read, 20)))
    os.close(read)
    os.kill(middle, signal.SIGKILL)
    os.waitpid(middle, 0)
    assert pidfd.has_ended(number, 5)
    os.close(number)
