"""A launcher with its init, running; for tests. Everything it started is gone when it is closed."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skerry.functions.lease import LauncherClient
from tests.support.engine_client import Worker

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a token of the tests"


class LauncherHouse:
    """folder: short, since a unix socket's path may have 107 bytes (unix(7))."""

    def __init__(self, folder: Path, *, python: str = sys.executable, **variables: str) -> None:
        self.folder = folder
        self._versions = 0
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT / "src"),
            "SKERRY_LAUNCHER_TOKEN": TOKEN,
        }
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests/support/fake_init.py"), str(folder), python],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | variables,
        )
        self.launcher = self.read_launcher()
        self.client = LauncherClient(str(folder / "launcher.sock"), TOKEN)

    def read_launcher(self) -> int:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 10)
        assert ready, "the launcher was not started"
        pid: int = json.loads(self.process.stdout.readline())["launcher"]
        return pid

    def define(self, name: str, source: Path, handler: str = "app.handler", **more: Any) -> str:
        """Returns the version, a new one each time."""
        self._versions += 1
        version = f"v{self._versions}"
        row = {"name": name, "version": version, "source": str(source), "handler": handler, **more}
        self.client.define([row])
        return version

    def lease(self, name: str, version: str, pop: str = "us-east") -> Worker:
        return Worker(self.client.lease(name, version, pop))

    def reconnect(self) -> None:
        self.client.close()
        self.client = LauncherClient(str(self.folder / "launcher.sock"), TOKEN)

    def descriptors(self, pid: int) -> int:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    def children(self) -> set[int]:
        """Processes whose parent is init, zombies too."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if int(fields[1]) == self.process.pid:
                    found.add(int(entry.name))
        return found

    def close(self) -> None:
        self.client.close()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = 5.0) -> None:
    """Poll a condition, with a deadline."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        select.select([], [], [], 0.002)
