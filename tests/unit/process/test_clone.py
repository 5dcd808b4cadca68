"""Children that are siblings: seen from a middle process whose parent, this test, must reap them."""

from __future__ import annotations

import json
import os
import random
import select
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from skerry.process import clone, pidfd
from skerry.process.prctl import PR_SET_CHILD_SUBREAPER, become_subreaper, prctl


def through_launcher(
    make: Callable[[], clone.Child], live: Callable[[], object]
) -> dict[str, object]:
    """Fork a launcher, let it make a child; returns what both said. The child is ours to reap."""
    read, write = os.pipe()
    launcher = os.fork()
    if launcher == 0:
        try:
            child = make()
            if child.pid == 0:
                said = {"child": os.getpid(), "parent": os.getppid(), "lived": live()}
            else:
                kind = "pidfd" if pidfd.kill(child.pidfd, 0) else "no pidfd"
                said = {"made": child.pid, "kind": kind}
            os.write(write, json.dumps(said).encode() + b"\n")
        finally:
            os._exit(0)
    os.close(write)
    said = {}
    with os.fdopen(read) as file:
        for line in file:
            said |= json.loads(line)
    os.waitpid(launcher, 0)
    os.waitpid(int(str(said["made"])), 0)  # fails where the child was not ours
    return said


@pytest.fixture
def _subreaper() -> object:
    become_subreaper()
    yield
    prctl(PR_SET_CHILD_SUBREAPER, 0)


@pytest.mark.parametrize("make", [clone.clone_sibling, clone.fork_twice])
@pytest.mark.usefixtures("_subreaper")
def test_the_childs_parent_is_the_launchers(make: Callable[[], clone.Child]) -> None:
    said = through_launcher(make, lambda: 1)
    assert said["parent"] == os.getpid()
    assert said["child"] == said["made"]
    assert said["kind"] == "pidfd"


def test_python_works_in_the_child() -> None:
    def live() -> object:
        thread = threading.Thread(target=lambda: seen.append(threading.get_native_id()))
        seen: list[int] = []
        thread.start()
        thread.join()
        run = subprocess.run(
            [sys.executable, "-S", "-c", "print(7)"], capture_output=True, check=True
        )
        return [len(seen), run.stdout.decode(), threading.get_native_id() == os.getpid()]

    assert through_launcher(clone.clone_sibling, live)["lived"] == [1, "7\n", True]


def test_at_fork_hooks_run_so_that_chance_differs() -> None:
    def seeded() -> clone.Child:
        random.seed(1)
        return clone.clone_sibling()

    assert through_launcher(seeded, random.random)["lived"] != random.Random(1).random()


def test_an_unknown_machine_forks_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clone, "_MACHINE", "unheard-of")
    monkeypatch.setattr(clone, "fork_twice", lambda: clone.Child(1, -1))
    assert clone.clone_sibling() == clone.Child(1, -1)


def test_no_process_left_is_an_os_error() -> None:
    script = (
        "import resource, os\nfrom skerry.process.clone import clone_sibling\n"
        "os.setresuid(54321, 54321, 54321) if os.geteuid() == 0 else None\n"
        "resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))\n"
        "try:\n    clone_sibling()\nexcept OSError as error:\n    print(error.errno, flush=True)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.stdout == "11\n"


def test_select_is_usable_on_a_pidfd() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    number = pidfd.open_pidfd(pid)
    assert select.select([number], [], [], 5)[0] == [number]
    os.waitpid(pid, 0)
    os.close(number)
