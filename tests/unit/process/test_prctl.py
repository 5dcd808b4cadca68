from __future__ import annotations

import os
import signal
from pathlib import Path

from skerry.process import prctl


def in_child(act: str) -> str:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            getattr(prctl, act)(
                *{
                    "die_with": (os.getppid(), signal.SIGKILL),
                    "set_name": ("skerry:a-long-name",),
                }.get(act, ())
            )
            status = Path("/proc/self/status").read_text()
            os.write(write, status.encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        said = file.read()
    os.waitpid(pid, 0)
    return said


def test_rights_cannot_be_gained() -> None:
    assert "NoNewPrivs:\t1" in in_child("gain_nothing")


def test_names_are_cut_to_what_the_kernel_takes() -> None:
    assert in_child("set_name").startswith("Name:\tskerry:a-long-n\n")


def test_die_with_tells_a_parent_that_is_gone() -> None:
    assert "Name" in in_child("die_with")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, b"1" if prctl.die_with(1 << 22, signal.SIGKILL) else b"0")
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(read, 1) == b"0"
    os.close(read)
    os.close(write)


def test_libc_keeps_the_thread_id_somewhere() -> None:
    assert prctl.tid_address() >= 0
