"""The tree on real processes and sockets: starts, restarts, swaps, ends, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from skerry.node import lock
from skerry.node import settings as node_settings
from skerry.spec.pop import Local, Pop
from skerry.spec.project import Project
from tests.support.node import alive, environment, eventually, family, fetch, running, settings_for


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, pops=1)
    return tmp_path


def write(root: Path, pops: int) -> None:
    names = ("us-east", "eu-west", "ap-south")[:pops]
    made = Project(
        root="", name="shop", local=Local(pops=tuple(Pop(name, name[:3]) for name in names))
    )
    (root / "skerry.toml").write_bytes(msgspec.json.encode(made))


def test_a_run_comes_up_serves_and_ends(project: Path) -> None:
    with running(settings_for(project)) as node:
        assert node.events[-1] == {"event": "up"}
        assert fetch(node.port())["version"] == 1
        run = node.settings.run
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
        for name in ("control.sock", "launcher.sock", "engine-us-east.sock", "engine.token"):
            assert stat.S_IMODE((run / name).stat().st_mode) == 0o600, name
        assert lock.holder(run) == node.process.pid
    assert node.process.returncode == 0
    assert lock.holder(run) is None
    assert sorted(path.name for path in run.iterdir()) == ["lock", "node.json"]
    with pytest.raises(ConnectionRefusedError):
        fetch(node.port())


@pytest.mark.parametrize("seat", ["engine-us-east", "launcher", "control"])
def test_a_killed_part_is_back_within_a_second(project: Path, seat: str) -> None:
    with running(settings_for(project)) as node:
        before = {name: node.pid(name) for name in node.parts}
        os.kill(before[seat], signal.SIGKILL)
        killed = time.monotonic()
        eventually(lambda: node.pid(seat) != before[seat], f"{seat} restarted")
        took_s = time.monotonic() - killed
        assert took_s < 1.0
        assert fetch(node.port())["version"] == 1
        for name in set(before) - {seat}:
            assert node.pid(name) == before[name], f"{name} went along with {seat}"
        assert node.parts[seat]["restarts"] == 1


def test_no_connection_is_refused_while_an_engine_is_killed(project: Path) -> None:
    with running(settings_for(project)) as node:
        outcomes: list[str] = []
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                try:
                    fetch(node.port())
                    outcomes.append("ok")
                except ConnectionRefusedError:
                    outcomes.append("refused")
                except OSError:
                    outcomes.append("reset")

        asker = threading.Thread(target=ask)
        asker.start()
        for _round in range(3):
            before = node.pid("engine-us-east")
            seen = len(outcomes)
            eventually(lambda: len(outcomes) > seen + 20, "requests under way")  # noqa: B023 - used in the round
            os.kill(before, signal.SIGKILL)
            eventually(lambda: node.pid("engine-us-east") != before, "restart")  # noqa: B023 - used in the round
        over.set()
        asker.join()
        assert "refused" not in outcomes
        assert outcomes.count("reset") <= 3  # what the dead one had accepted


def test_a_swap_loses_nothing(project: Path) -> None:
    with running(settings_for(project)) as node:
        before = node.pid("engine-us-east")
        slow: list[dict[str, object]] = []
        asker = threading.Thread(target=lambda: slow.append(fetch(node.port(), "/slow/800")))
        asker.start()
        fetch(node.port())
        node.process.send_signal(signal.SIGHUP)
        while node.parts["engine-us-east"]["pid"] == before:
            fetch(node.port())
        for _n in range(50):
            fetch(node.port())
        assert fetch(node.port())["pid"] == node.pid("engine-us-east") != before
        asker.join()
        assert slow[0]["pid"] == before, "the old one finished what it had accepted"
        eventually(lambda: not alive(before), "the old one ended")
        assert node.parts["engine-us-east"]["restarts"] == 0


def test_kill_9_of_init_leaves_nobody_and_the_ports_free(project: Path) -> None:
    settings = settings_for(project)
    with running(settings) as node:
        below = family(node.process.pid)
        assert len(below) >= 4
        node.process.kill()
        node.process.wait()
        eventually(lambda: not [pid for pid in below if alive(pid)], "everybody gone")
    with running(settings) as again:  # same ports, stale sockets and all
        assert fetch(again.port())["version"] == 1


def test_a_second_run_is_refused_by_pid(project: Path) -> None:
    with running(settings_for(project)) as first, running(settings_for(project)) as second:
        assert second.process.wait(5) == 2
        (event,) = second.events
        assert event["code"] == "node.already_running"
        assert str(first.process.pid) in event["message"]
        assert fetch(first.port())


def test_a_port_in_use_is_named_with_its_holder(project: Path) -> None:
    settings = settings_for(project)
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.pops[0].http_port))
        other.listen()
        with running(settings) as node:
            assert node.process.wait(5) == 2
        (event,) = node.events
        assert event["code"] == "node.port_in_use"
        assert f"port {settings.pops[0].http_port} on 127.0.0.1" in event["message"]
        assert f"pid {os.getpid()} (" in event["message"]
        assert "http_port" in event["hint"]


def test_an_engine_that_never_starts_ends_the_run(project: Path) -> None:
    (project / ".skerry").mkdir()
    (project / ".skerry" / "pops").write_text("a file where the engine wants a folder")
    with running(settings_for(project)) as node:
        assert node.process.wait(10) == 70
    assert node.events[-1]["event"] == "failed"
    assert node.events[-1]["name"] == "engine-us-east"


def test_a_worker_dies_with_its_lifeline(project: Path) -> None:
    with running(settings_for(project)) as node:
        workers = []
        for _n in range(2):
            connection = socket.socket(socket.AF_UNIX)
            here = Path.cwd()
            os.chdir(node.settings.run)
            connection.connect("launcher.sock")
            os.chdir(here)
            connection.sendall(b'{"op": "lend"}\n')
            worker = json.loads(connection.recv(4096))["worker"]
            assert alive(worker)
            connection.close()  # the stand-in lets the lifeline go
            eventually(lambda: not alive(worker), "worker killed")  # noqa: B023 - used in the round
            workers.append(worker)
        assert node.pid("launcher"), "init and launcher live on"


def test_the_run_ends_with_the_process_that_asked_for_it(project: Path) -> None:
    path = node_settings.write(settings_for(project))
    program = (
        "import subprocess, sys, os, json;"
        "from pathlib import Path; p = Path(sys.argv[1]); d = json.loads(p.read_text());"
        "d['parent_pid'] = os.getpid(); p.write_text(json.dumps(d));"
        "c = subprocess.Popen([sys.executable, '-S', '-m', 'skerry.node.init', str(p)]);"
        "print(c.pid, flush=True); c.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as starter:
        assert starter.stdout is not None
        init = int(starter.stdout.readline())
        run = path.parent
        eventually(
            lambda: (
                '"starting"' not in (run / "parts.json").read_text()
                if (run / "parts.json").exists()
                else False
            ),
            "up",
        )
        below = family(init)
        starter.kill()
    eventually(lambda: not [pid for pid in below if alive(pid)], "an orderly end")
    assert not (run / "control.sock").exists(), "it was a stop, not a kill"
