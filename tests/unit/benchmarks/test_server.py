from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.server import Server, free_port, spent_ns, task_times_ns

LISTENER = """
import socket, subprocess, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
while True: s.accept()[0].close()
"""


@pytest.mark.parametrize(
    ("before", "after", "spent"),
    [
        ({(1, "1"): 5}, {(1, "1"): 9}, 4),
        ({(1, "1"): 5}, {(1, "1"): 9, (1, "2"): 3}, 7),
        ({(1, "1"): 5, (1, "2"): 50}, {(1, "1"): 9}, 4),
        ({}, {}, 0),
    ],
)
def test_time_between_readings(
    before: dict[tuple[int, str], int], after: dict[tuple[int, str], int], spent: int
) -> None:
    assert spent_ns(before, after) == spent


def test_our_own_time_is_counted() -> None:
    before = task_times_ns([os.getpid()])
    busy_until = time.process_time() + 0.05
    while time.process_time() < busy_until:
        pass
    assert spent_ns(before, task_times_ns([os.getpid()])) > 30_000_000
    assert task_times_ns([2**22 + 1]) == {}


def test_a_server_is_pinned_counted_with_its_children_and_stopped_with_them(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", LISTENER, str(port)]
    with Server("listener", command, port, core=0, folder=tmp_path) as server:
        deadline = time.monotonic() + 10
        while len(server.pids()) < 2 and time.monotonic() < deadline:
            pass
        pids = server.pids()
        assert len(pids) == 2
        assert [os.sched_getaffinity(pid) for pid in pids] == [{0}, {0}]
        before = server.times_ns()
        while spent_ns(before, server.times_ns()) < 1_000_000 and time.monotonic() < deadline:
            pass
        assert spent_ns(before, server.times_ns()) >= 1_000_000  # the child's
        assert server.rss_bytes() > 1_000_000
    deadline = time.monotonic() + 10
    while any(runs(pid) for pid in pids) and time.monotonic() < deadline:
        pass
    assert not any(runs(pid) for pid in pids)


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie that waits for its new parent."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such cache')"]
    with pytest.raises(SystemExit, match="no such cache"):
        Server("broken", command, free_port(), core=None, folder=tmp_path)
