"""Logs of a real run: they turn while it runs, and a full disk costs lines that are counted, never an answer."""

from __future__ import annotations

import http.client
import json
import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from skerry.cli import doctor
from skerry.control.client import Client
from skerry.node.prepare import prepare
from skerry.node.settings import NodeSettings
from skerry.node.start import Starting
from skerry.testing.running import free_ports
from tests.support import tiny
from tests.support.node import SOURCE, environment
from tests.support.node import free_ports as ports_in_a_row
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


@contextmanager
def running(root: Path, log_bytes_max: int) -> Iterator[NodeSettings]:
    """The smallest project at one PoP, with logs that turn early."""
    settings = replace(
        prepare(tiny.write(root), None, ("1",), port_of=free_ports()),
        log_bytes_max=log_bytes_max,
        threads=1,
    )
    starting = Starting(settings)
    try:
        starting.wait("up", 30)
        yield settings
    finally:
        starting.stop()


def visit(port: int, *paths: str) -> None:
    """GET each on one connection; every one is answered."""
    viewer = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for path in paths:
        viewer.request("GET", path)
        answer = viewer.getresponse()
        answer.read()
        assert answer.status in (200, 403), path
    viewer.close()


def status(root: Path) -> dict[str, Any]:
    """What the first engine counts; it writes its records because it is asked."""
    with Client(root) as control:
        found: dict[str, Any] = control.ask("status")["engines"][0]["status"]
    return found


def rejected(root: Path) -> bool:
    """Whether the last edit was not taken."""
    with Client(root) as control:
        return bool(control.ask("state")["rejected"])


def skerry(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "skerry.cli.main", *words],
        cwd=root,
        env=environment(every_stand_in=False) | {"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=30,
    )


def paths_in(text: str) -> list[str]:
    """Of access records; each line has to be one, whole."""
    assert not text or text.endswith("\n")
    return [str(json.loads(line)["path"]) for line in text.splitlines()]


def test_who_follows_sees_every_record_through_turn_after_turn(tmp_path: Path) -> None:
    with running(tmp_path, log_bytes_max=6000) as settings:
        port, folder = settings.pops[0].http_port, settings.log
        with subprocess.Popen(
            [
                sys.executable,
                "-m",
                "skerry.cli.main",
                "logs",
                "-f",
                "--json",
                "-n",
                "0",
                str(tmp_path),
            ],
            env=environment(every_stand_in=False) | {"PYTHONPATH": str(SOURCE)},
            stdout=subprocess.PIPE,
        ) as follower:
            assert follower.stdout is not None
            number = follower.stdout.fileno()
            os.set_blocking(number, False)
            said = b""

            def hear() -> list[str]:
                nonlocal said
                with suppress(BlockingIOError):  # nothing new
                    said += os.read(number, 1 << 20)
                whole = said[: said.rfind(b"\n") + 1]
                return [path for path in paths_in(whole.decode()) if path != "/first"]

            def heard(wanted: list[str]) -> bool:
                status(tmp_path)
                return hear() == wanted

            def follows() -> bool:
                """The first may come before the files are opened."""
                visit(port, "/first")
                status(tmp_path)
                hear()
                return b"/first" in said

            try:
                until(follows, within_s=20, what="it follows")
                wanted: list[str] = []
                for turn in range(8):
                    batch = [f"/{turn}-{n}" for n in range(7)]
                    wanted += batch
                    visit(port, *batch)
                    until(partial(heard, list(wanted)), what=f"batch {turn}")
                assert (folder / "us-east.log.1").is_file(), "it has turned"
                assert (folder / "us-east.log").stat().st_size <= 6000
            finally:
                follower.kill()


def test_a_log_that_was_moved_away_by_somebody_else_goes_on(tmp_path: Path) -> None:
    with running(tmp_path, log_bytes_max=0) as settings:
        log = settings.log / "us-east.log"
        visit(settings.pops[0].http_port, "/one")
        until(lambda: (status(tmp_path), log.read_text())[1])
        log.rename(settings.log / "kept")
        (settings.log / "node.log").rename(settings.log / "node-kept")
        visit(settings.pops[0].http_port, "/two")
        until(lambda: (status(tmp_path), log.is_file() and log.read_text())[1])
        assert (paths_in((settings.log / "kept").read_text()), paths_in(log.read_text())) == (
            ["/one"],
            ["/two"],
        )
        (tmp_path / "main.tf").write_text("resource {")
        node = settings.log / "node.log"
        until(lambda: node.is_file() and "rejected" in node.read_text(), what="control has a log")


def test_a_log_that_cannot_grow_costs_records_that_are_counted(tmp_path: Path) -> None:
    """The engine's files may not grow for a while: to it the same as a full disk, and any user can do it."""
    with running(tmp_path, log_bytes_max=0) as settings:
        port, log = settings.pops[0].http_port, settings.log / "us-east.log"
        parts = json.loads((settings.run / "parts.json").read_text())["parts"]
        engine = parts["engine-us-east"]["pid"]
        visit(port, "/before")
        until(lambda: (status(tmp_path), log.read_text())[1])
        limits = resource.prlimit(engine, resource.RLIMIT_FSIZE)
        cut = log.stat().st_size + 1000  # a record and a piece of the next
        resource.prlimit(engine, resource.RLIMIT_FSIZE, (cut, limits[1]))
        asked = [f"/full-{n}" for n in range(400)]
        visit(port, *asked)
        found = until(lambda: (now := status(tmp_path))["records_lost"] and now)
        assert found["records"] == 401
        paths_in(log.read_text())
        node = settings.log / "node.log"
        until(lambda: "us-east.log: cannot be written" in node.read_text())
        lost = found["records_lost"]
        assert f"{lost} log lines lost" in skerry(tmp_path, "status").stdout
        check = doctor.logs(tmp_path)
        assert (check.good, f"{lost} at us-east" in check.found) == (False, True)
        assert "FAILED  logs" in skerry(tmp_path, "doctor").stdout

        resource.prlimit(engine, resource.RLIMIT_FSIZE, limits)
        until(lambda: (status(tmp_path), log.read_text())[1].count("\n") + lost == 401)
        visit(port, "/after")
        until(lambda: (status(tmp_path), "/after" in log.read_text())[1])
        kept = paths_in(log.read_text())
        assert len(kept) + lost == 402, "each is there or counted"
        assert kept == ["/before", *asked[: 400 - lost], "/after"]
        until(
            lambda: f"us-east.log: can be written again; {lost} lines were lost" in node.read_text()
        )
        assert node.read_text().count("cannot be written") == 1, "said once"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")
def test_a_disk_that_is_full_stops_nobody(tmp_path: Path) -> None:
    """A file system of 256 KB under the logs, in a mount namespace of the run's own."""
    root = tiny.write(tmp_path)
    port = ports_in_a_row(2)
    (root / "skerry.toml").write_text(
        f'format = 1\nname = "tiny"\n[local]\nhttp_port = {port}\nhttps_port = {port + 1}\n'
        'pop.us-east = { at = "iad" }\n[local.origin]\nsite = "./site"\n'
    )
    folder = root / ".skerry" / "log"
    folder.mkdir(parents=True)
    with subprocess.Popen(
        [
            *("unshare", "--mount", "sh", "-ec"),
            'mount -t tmpfs -o size=256k,mode=700 none "$1"; shift; exec "$@"',
            *("sh", str(folder), sys.executable, "-m", "skerry.cli.main", "up", str(root)),
        ],
        env=environment(every_stand_in=False) | {"PYTHONPATH": str(SOURCE)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as up:
        try:
            inside = Path(f"/proc/{up.pid}/root") / folder.relative_to("/")
            log, node = inside / "us-east.log", inside / "node.log"
            until(lambda: (root / ".skerry" / "run" / "control.token").exists(), within_s=20)
            until(lambda: "applied" in node.read_text(), within_s=20, what="it is up")
            ballast = inside / "ballast"
            with ballast.open("wb", buffering=0) as file:
                while fits(file, 4096):
                    pass  # until nothing fits any more
            asked = [f"/full-{n}" for n in range(400)]
            visit(port, *asked)
            found = until(lambda: (now := status(root))["records_lost"] and now)
            (root / "main.tf").write_text("resource {")  # control has something to say, too
            until(lambda: rejected(root), what="the edit was looked at")
            paths_in(log.read_text())
            ballast.unlink()
            until(
                lambda: (
                    (status(root), log.read_text())[1].count("\n") + found["records_lost"] == 400
                )
            )
            visit(port, "/after")
            until(lambda: (status(root), "/after" in log.read_text())[1])
            assert Counter(paths_in(log.read_text())).most_common(1)[0][1] == 1, "nothing twice"
            until(lambda: "can be written again" in node.read_text())
            said = node.read_text()
            assert said.count("us-east: us-east.log: cannot be written: No space left") == 1
            assert "rejected" in said, "what control had to say meanwhile was kept"
        finally:
            up.terminate()
            up.wait(20)


def fits(file: Any, count: int) -> bool:
    """Whether so many bytes more found room."""
    try:
        return bool(file.write(bytes(count)))
    except OSError:
        return False
