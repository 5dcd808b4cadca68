"""`skerry up` from outside: ready, refused, edited, ended, and a terminal with keys."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.node import lock
from tests.support.node import environment, eventually, fetch
from tests.support.shop import skerry, write


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    write(tmp_path)
    yield tmp_path
    skerry(tmp_path, "down")


def test_detached_and_waited_for(project: Path) -> None:
    port = write(project)
    done = skerry(project, "up", "--detach", "--wait")
    assert done.returncode == 0, done.stderr
    assert re.match(r"shop ready in \d\.\d s \(cloudfront, warn\)\n", done.stdout)
    assert (
        f"us-east   iad  http://127.0.0.1:{port}  https://127.0.0.1:{port + 2}  origin +8 ms"
        in done.stdout
    )
    assert "origin    api → not mapped: answers 502" in done.stdout
    assert (
        f"--connect-to www.example.com:443:127.0.0.1:{port + 2} https://www.example.com/"
        in done.stdout
    )
    assert done.stderr.count("[origin.unmapped]") == 1, "each finding once"
    assert fetch(port + 1)["version"] == 1
    again = skerry(project, "up")
    assert again.returncode == 2
    assert f"pid {lock.holder(project / '.skerry' / 'run')}" in again.stderr
    assert "skerry down" in again.stderr


def test_a_folder_that_is_not_there_keeps_it_from_starting(project: Path) -> None:
    write(project, origins={"site": "./gone", "api": "live"})
    done = skerry(project, "up", "--detach", "--wait")
    assert done.returncode == 2
    assert "error[origin.no_folder]: there is no folder ./gone" in done.stderr
    assert "error[project.unservable]: the project cannot be run: 1 error" in done.stderr
    assert not (project / ".skerry").exists(), "refused before anything was made"


def test_nothing_to_read(tmp_path: Path) -> None:
    done = skerry(tmp_path, "up")
    assert (done.returncode, "project.not_found" in done.stderr) == (2, True)
    assert not (tmp_path / ".skerry").exists()


@pytest.mark.parametrize(
    ("words", "served"), [(["--pop", "1"], {"us-east"}), (["--pop", "eu-west"], {"eu-west"})]
)
def test_some_pops_only(project: Path, words: list[str], served: set[str]) -> None:
    done = skerry(project, "up", "--detach", "--wait", *words)
    assert done.returncode == 0, done.stderr
    assert {name for name in ("us-east", "eu-west") if f"  {name} " in done.stdout} == served
    assert "pop.needs_restart" not in done.stderr


def test_a_pop_that_does_not_exist(project: Path) -> None:
    done = skerry(project, "up", "--pop", "mars")
    assert (done.returncode, "there are us-east, eu-west" in done.stderr) == (3, True)


class Terminal:
    """`skerry up` on a terminal of its own."""

    def __init__(self, root: Path) -> None:
        self.master, slave = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "skerry.cli.main", "up"],
            cwd=root,
            env=environment() | {"TERM": "xterm", "NO_COLOR": "1"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def sees(self, text: str) -> bool:
        if select.select([self.master], [], [], 0)[0]:
            try:
                self.seen += os.read(self.master, 65536).decode()
            except OSError:
                return text in self.seen  # the last writer has gone
        return text in self.seen

    def expect(self, text: str) -> None:
        eventually(lambda: self.sees(text), f"{text!r} on the terminal, which shows {self.seen!r}")

    def press(self, key: str) -> None:
        os.write(self.master, key.encode())


@pytest.fixture
def terminal(project: Path) -> Iterator[Terminal]:
    terminal = Terminal(project)
    yield terminal
    terminal.process.kill()
    terminal.process.wait()
    os.close(terminal.master)
    run = project / ".skerry" / "run"
    eventually(lambda: lock.holder(run) is None, "the run ended with its terminal")


def test_keys_and_edits(project: Path, terminal: Terminal) -> None:
    terminal.expect("keys: b browser")
    terminal.press("e")
    terminal.expect("no request yet")
    terminal.press("p")
    terminal.expect("purged everything on")
    terminal.press("l")
    terminal.expect("logs on")
    log = project / ".skerry" / "log" / "us-east.log"
    now_ms = int(time.time() * 1000)
    log.write_text(
        '{"time_ms": 1, "method": "GET", "host": "h", "path": "/before"}\n'
        f'{{"time_ms": {now_ms}, "method": "GET", "host": "h", "path": "/seen"}}\n'
    )
    terminal.expect("GET h/seen")
    assert "/before" not in terminal.seen, "logs show what comes, not what an engine held back"
    (project / "skerry.toml").write_text("{ nonsense")
    terminal.expect("skerry.toml: not taken, version 1 keeps serving")
    terminal.expect("error[project.syntax]")
    terminal.press("q")
    assert terminal.process.wait(10) == 0


def test_ctrl_c_ends_in_order(terminal: Terminal) -> None:
    terminal.expect("keys: b browser")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(10) == 0


def test_kill_9_ends_the_run_too(project: Path, terminal: Terminal) -> None:
    terminal.expect("keys: b browser")
    terminal.process.kill()
    run = project / ".skerry" / "run"
    eventually(lambda: lock.holder(run) is None, "the run ended with its starter")
    assert not (run / "control.sock").exists(), "in order"


def test_the_empty_address_is_not_every_address(project: Path) -> None:
    done = skerry(project, "up", "--detach", "--bind", "")
    assert (done.returncode, "error[node.bind]" in done.stderr) == (2, True)
