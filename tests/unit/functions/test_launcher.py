"""The launcher with a real init, real workers and a client that plays the engine."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.base.errors import BusyError, CodeError
from skerry.functions.lease import LauncherClient
from skerry.process import pidfd
from tests.support.engine_client import Worker
from tests.support.launcher_house import TOKEN, LauncherHouse, wait_for

ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture
def own() -> Iterator[LauncherHouse]:
    """A launcher of the test's own, which it may kill."""
    folder = Path(tempfile.mkdtemp(prefix="sk-"))
    running = LauncherHouse(folder)
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text(ECHO)
    yield running
    running.close()
    shutil.rmtree(folder)


def echo(house: LauncherHouse, memory_mb: int = 128) -> Worker:
    version = house.define("echo", house.folder / "code", memory_mb=memory_mb)
    worker = house.lease("echo", version)
    assert worker.start().kind == "returned"
    return worker


def test_five_thousand_calls_return_their_own_nonce(own: LauncherHouse) -> None:
    chance = random.Random(3)
    workers = [echo(own) for _ in range(4)]
    for _ in range(5000):
        nonce = chance.getrandbits(64)
        worker = chance.choice(workers)
        assert worker.call({"nonce": nonce}).value == {"nonce": nonce}
    for worker in workers:
        worker.close()


def test_worker_is_a_child_of_init_and_not_of_the_launcher(own: LauncherHouse) -> None:
    worker = echo(own)
    assert worker.lease.worker in own.children()
    assert worker.hello["pid"] == worker.lease.worker
    worker.close()


def test_letting_go_kills_the_worker_and_everything_returns_to_the_baseline(
    own: LauncherHouse,
) -> None:
    echo(own).close()
    wait_for(lambda: own.children() == {own.launcher}, "the first worker's end")
    before = own.descriptors(own.launcher), own.descriptors(own.process.pid)
    mine = own.descriptors(os.getpid())
    for _ in range(20):
        worker = echo(own)
        assert worker.call(1).value == 1
        worker.close()
    wait_for(lambda: own.children() == {own.launcher}, "the workers' end")
    assert (own.descriptors(own.launcher), own.descriptors(own.process.pid)) == before
    assert own.descriptors(os.getpid()) == mine


def test_a_spinning_worker_dies_when_its_lifeline_is_cut(own: LauncherHouse) -> None:
    (own.folder / "code" / "app.py").write_text("def handler(e, c):\n    while True: pass\n")
    worker = echo(own)
    assert worker.call(1, timeout_s=0.05).kind == "late"
    watched = os.dup(worker.lease.pidfd)
    worker.close()
    assert pidfd.has_ended(watched, 5)
    os.close(watched)


def test_killed_launcher_takes_no_call_along_and_a_new_one_serves_the_same_listener(
    own: LauncherHouse,
) -> None:
    gate = own.folder / "gate"
    os.mkfifo(gate)
    gate.chmod(0o666)
    held = (
        f"def handler(e, c):\n    e == 'in flight' and open({str(gate)!r}).read()\n    return e\n"
    )
    (own.folder / "code" / "app.py").write_text(held)
    worker = echo(own)
    version = own.define("echo", own.folder / "code")
    worker.calls += 1
    from skerry.functions.guest import frames  # beside its only use: the call is written by hand

    context = json.dumps({"request_id": "r", "deadline_ms": 0}).encode()
    worker.lease.socket.sendall(frames.encode_invoke(1, context, b'"in flight"'))
    os.kill(own.launcher, signal.SIGKILL)
    own.launcher = own.read_launcher()
    gate.write_text("")  # waits until the handler reads: the launcher has died meanwhile
    frame = worker.lease.read(5)
    assert frame is not None
    assert (frame.kind, frame.call_id, frame.payload) == (frames.RESULT, 1, b'"in flight"')
    own.reconnect()
    # what was defined before is known to the successor, though nobody has told it
    fresh = own.lease("echo", version)
    assert fresh.start().kind == "returned"
    assert worker.call("again").value == "again"
    worker.close()
    fresh.close()
    wait_for(lambda: own.children() == {own.launcher}, "both workers' end")


def test_init_killed_leaves_nobody(own: LauncherHouse) -> None:
    worker = echo(own)
    watched = [os.dup(worker.lease.pidfd), os.pidfd_open(own.launcher)]
    own.process.kill()
    own.process.wait(5)
    for each in watched:
        assert pidfd.has_ended(each, 5)
        os.close(each)
    worker.close()


def test_killed_worker_is_seen_as_an_end_and_reaped(own: LauncherHouse) -> None:
    worker = echo(own)
    pidfd.kill(worker.lease.pidfd)
    assert worker.call(1).kind == "died"
    wait_for(lambda: own.children() == {own.launcher}, "the reap")
    worker.close()


def test_what_a_handler_forked_ends_with_its_worker(own: LauncherHouse) -> None:
    forks = (
        "import os, signal\ndef handler(e, c):\n    pid = os.fork()\n"
        "    if pid == 0:\n        signal.pause()\n    return pid\n"
    )
    (own.folder / "code" / "app.py").write_text(forks)
    worker = echo(own)
    forked = os.pidfd_open(worker.call(1).value)
    worker.close()
    assert pidfd.has_ended(forked, 5)
    os.close(forked)


def test_a_forked_child_cannot_answer_its_parents_call(own: LauncherHouse) -> None:
    (own.folder / "code" / "app.py").write_text(
        "import os\ndef handler(e, c):\n    pid = os.fork()\n"
        "    if pid: os.waitpid(pid, 0)\n    return 'parent' if pid else 'child'\n"
    )
    worker = echo(own)
    assert [worker.call(n).value for n in range(20)] == ["parent"] * 20
    worker.close()


def test_the_token_is_asked_for_first(own: LauncherHouse) -> None:
    with LauncherClient(str(own.folder / "launcher.sock"), "wrong") as client:
        with pytest.raises(CodeError) as caught:
            client.lease("echo", "v1", "us-east")
        assert caught.value.code == "function.token_refused"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"nonsense\n", "function.bad_request"),
        (b"[1]\n", "function.bad_request"),
        (b'{"op": "dance"}\n', "function.bad_request"),
        (b'{"op": "define", "functions": 1}\n', "function.bad_definition"),
        (b'{"op": "define", "functions": [{"name": "x"}]}\n', "function.bad_definition"),
        (b'{"op": "lease", "function": "x", "version": "y"}\n', "function.unknown"),
    ],
)
def test_bad_requests_are_named(own: LauncherHouse, line: bytes, code: str) -> None:
    with socket.socket(socket.AF_UNIX) as channel:
        channel.connect(str(own.folder / "launcher.sock"))
        channel.settimeout(5)
        channel.sendall(json.dumps({"token": TOKEN}).encode() + b"\n" + line)
        assert json.loads(channel.recv(4096))["code"] == code


def test_more_memory_than_there_is_is_refused_as_busy(own: LauncherHouse) -> None:
    version = own.define("echo", own.folder / "code", memory_mb=10_000_000)
    with pytest.raises(BusyError, match="MB of memory are available"):
        own.lease("echo", version)


def test_a_memory_hog_gets_a_memory_error_and_the_worker_lives(own: LauncherHouse) -> None:
    (own.folder / "code" / "app.py").write_text(
        "def handler(e, c):\n    if e: bytearray(900_000_000)\n    return 'fine'\n"
    )
    worker = echo(own, memory_mb=128)
    outcome = worker.call(True)
    assert (outcome.kind, outcome.error["type"]) == ("failed", "MemoryError")
    assert worker.call(False).value == "fine"
    worker.close()


def test_sixty_four_threads_fit_into_a_small_function(own: LauncherHouse) -> None:
    (own.folder / "code" / "app.py").write_text(
        "from concurrent.futures import ThreadPoolExecutor\nimport threading\n"
        "def handler(e, c):\n    meet = threading.Barrier(64)\n"
        "    with ThreadPoolExecutor(64) as pool:\n"
        "        return sum(pool.map(lambda n: len(bytes(5000)) * 0 + meet.wait(5) * 0 + n, range(64)))\n"
    )
    worker = echo(own, memory_mb=128)
    assert worker.call(0).value == 2016
    worker.close()


def test_endless_recursion_in_a_thread_is_an_error_and_no_crash(own: LauncherHouse) -> None:
    (own.folder / "code" / "app.py").write_text(
        "import json\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "class Deep:\n    def __repr__(self): return str([Deep()])\n"
        "def sink(n): return max([n], key=lambda _: sink(n + 1))\n"
        "def attempt(go):\n"
        "    try: go()\n    except RecursionError: return 'RecursionError'\n"
        "def handler(e, c):\n    with ThreadPoolExecutor(2) as pool:\n"
        "        return list(pool.map(attempt, [lambda: sink(0), lambda: repr(Deep())]))\n"
    )
    worker = echo(own)
    assert worker.call(0).value == ["RecursionError", "RecursionError"]
    worker.close()


def test_another_connection_does_not_make_the_launcher_unfit(own: LauncherHouse) -> None:
    version = own.define("echo", own.folder / "code")
    before = own.descriptors(own.launcher)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(own.folder / "launcher.sock"))
        wait_for(lambda: own.descriptors(own.launcher) > before, "the launcher to accept")
        own.lease("echo", version).close()  # a connection is a known descriptor, not a strange one


def test_a_hundred_leases_take_no_longer_than_they_should(own: LauncherHouse) -> None:
    version = own.define("echo", own.folder / "code")
    began = time.monotonic()
    for _ in range(100):
        own.lease("echo", version).close()
    assert time.monotonic() - began < 5  # measured 0.2 s; a bound on blunders, not a benchmark
