from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Iterator

import pytest

from skerry.process import pidfd
from skerry.process.supervise import Ended, Lifelines, reap


@pytest.fixture
def selector() -> Iterator[selectors.BaseSelector]:
    found = selectors.DefaultSelector()
    yield found
    found.close()


def paused() -> tuple[int, int]:
    pid = os.fork()
    if pid == 0:
        signal.pause()
        os._exit(0)
    return pid, os.pidfd_open(pid)


def tend(lifelines: Lifelines, selector: selectors.BaseSelector) -> None:
    for key, _ in selector.select(5):
        lifelines.tend(key.fd)


def test_a_cut_lifeline_kills_and_is_forgotten(selector: selectors.BaseSelector) -> None:
    pid, number = paused()
    watched = os.dup(number)
    read, write = os.pipe()
    lifelines = Lifelines(selector)
    lifelines.hold(number, read)
    assert selector.select(0) == []
    os.close(write)
    tend(lifelines, selector)
    assert len(lifelines) == 0
    assert not selector.get_map()
    assert pidfd.has_ended(watched, 5)
    assert reap() == [Ended(pid, -signal.SIGKILL)]
    os.close(watched)


def test_a_worker_that_ends_by_itself_is_forgotten(selector: selectors.BaseSelector) -> None:
    pid, number = paused()
    read, write = os.pipe()
    lifelines = Lifelines(selector)
    lifelines.hold(number, read)
    os.kill(pid, signal.SIGTERM)
    tend(lifelines, selector)
    assert len(lifelines) == 0
    assert reap() == [Ended(pid, -signal.SIGTERM)]
    lifelines.tend(read)  # a late event of the same batch means nothing
    os.close(write)


def test_a_worker_reaped_already_does_not_take_init_along(selector: selectors.BaseSelector) -> None:
    pid, number = paused()
    read, write = os.pipe()
    lifelines = Lifelines(selector)
    lifelines.hold(number, read)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(write)
    lifelines.cut_all()
    assert len(lifelines) == 0


def test_reap_ends_what_a_worker_left_in_its_group() -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        child = os.fork()
        if child == 0:
            signal.pause()
        os.write(write, str(child).encode())
        os._exit(3)
    left = os.pidfd_open(int(os.read(read, 20)))
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert reap() == [Ended(pid, 3)]
    assert pidfd.has_ended(left, 5)
    for number in (left, read, write):
        os.close(number)


def test_nothing_to_reap() -> None:
    assert reap() == []
