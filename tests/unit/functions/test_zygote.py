"""What must hold before a clone is asserted: each condition broken once, in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
import types
from collections.abc import Callable

import pytest

from skerry.functions.zygote import Unfit, Zygote
from skerry.process.descriptors import listed


def in_child(check: Callable[[], str]) -> str:
    """Run in a forked child, whose threads and descriptors are few; returns what it says."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            os.write(write, check().encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        said = file.read()
    os.waitpid(pid, 0)
    return said


def make() -> Zygote:
    zygote = Zygote()
    zygote.known |= set(listed())
    return zygote


def complaint(zygote: Zygote) -> str:
    try:
        zygote.check([])
    except Unfit as error:
        return str(error)
    return "fit"


def fit() -> str:
    return complaint(make())


def thread() -> str:
    zygote = make()
    threading.Thread(target=signal.pause, daemon=True).start()
    return complaint(zygote)


def descriptor() -> str:
    zygote = make()
    os.open("/dev/null", os.O_RDONLY)
    return complaint(zygote)


def handler() -> str:
    zygote = make()
    signal.signal(signal.SIGTERM, lambda *_: None)
    return complaint(zygote)


def module() -> str:
    zygote = make()
    sys.modules["somebodys.module"] = types.ModuleType("somebodys.module")
    return complaint(zygote)


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (fit, "fit"),
        (thread, "2 threads run"),
        (descriptor, "unknown descriptors"),
        (handler, "SIGTERM has a handler"),
        (module, "imported somebodys.module"),
    ],
)
def test_check(check: Callable[[], str], says: str) -> None:
    assert says in in_child(check)
