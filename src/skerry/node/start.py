"""Start a run from outside of it: `skerry up` and the test fixture do. Standard library and errors only."""

from __future__ import annotations

import json
import os
import selectors
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any  # Any: init's events are JSON

from skerry.base.errors import BugError, BusyError, ConfigError
from skerry.node import lock
from skerry.node import settings as node_settings
from skerry.node.settings import NodeSettings

LOG_LINES = 15


class Starting:
    """An init that has been started, and the pipe on which it tells how far it is."""

    def __init__(self, settings: NodeSettings) -> None:
        """Start it. Raises ConfigError where the project runs already."""
        self.settings = settings
        path = node_settings.write(settings)
        running = lock.holder(settings.run)
        if running is not None:
            raise already(running, settings.root)
        self._events, theirs = os.pipe()
        with (settings.log / "node.log").open("ab") as log:
            # -S: init is standard library only, and half the size without site. A session of its own: Ctrl-C reaches
            # whoever started us, who then stops it in order.
            self.process = subprocess.Popen(
                [sys.executable, "-S", "-m", "skerry.node.init", str(path), str(theirs)],
                pass_fds=[theirs],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        os.close(theirs)
        self._pending = b""

    def wait(self, until: str, timeout_s: float) -> None:
        """Wait for an event: `bound` or `up`. Raises ConfigError, BugError, BusyError as it went wrong."""
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._events, selectors.EVENT_READ)
            while True:
                for event in self._take():
                    if event["event"] == until:
                        return
                    self._fail(event)
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise BusyError(
                        "node.slow_start",
                        f"not ready after {timeout_s:g} s",
                        hint="it may still come: `skerry status`; its log is .skerry/log/node.log",
                    )
                data = os.read(self._events, 65536)
                if not data:
                    raise BugError(
                        "node.ended", "init ended while starting", hint=self.last_words()
                    )
                self._pending += data

    def _take(self) -> list[dict[str, Any]]:
        *lines, self._pending = self._pending.split(b"\n")
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return found

    def _fail(self, event: dict[str, Any]) -> None:
        if event["event"] == "error":
            raise ConfigError(event["code"], event["message"], hint=event["hint"])
        if event["event"] == "failed":
            raise BugError(
                "node.part_failed",
                f"{event['name']} does not start (it ended {'by signal' if event['code'] < 0 else 'with code'}"
                f" {abs(event['code'])}, three times)",
                hint=self.last_words(),
                about=event["name"],
            )

    def last_words(self) -> str:
        """The end of the node's log, for an error that cannot say more itself."""
        try:
            lines = (self.settings.log / "node.log").read_text(errors="replace").splitlines()
        except OSError:
            return "its log is .skerry/log/node.log"
        return "\n".join(["the end of .skerry/log/node.log:", *lines[-LOG_LINES:]])

    def stop(self) -> int:
        """End the run in order; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait()


def already(pid: int, root: str) -> ConfigError:
    """The project runs. root: its folder."""
    where = "" if Path(root) == Path.cwd() else f" {shlex.quote(root)}"
    return ConfigError(
        "node.already_running",
        f"this project runs already (pid {pid})",
        hint=f"stop it with `skerry down{where}`, or use it: `skerry status{where}`",
    )


def environment() -> dict[str, str]:
    """Init's: as ours, and it must find this same skerry though it runs without site-packages."""
    package_root = str(Path(__file__).resolve().parents[2])
    ours = dict(os.environ)  # noqa: TID251 - handed on as a whole, not read
    paths = [path for path in ours.get("PYTHONPATH", "").split(os.pathsep) if path]
    if package_root not in paths:
        paths.append(package_root)
    return ours | {"PYTHONPATH": os.pathsep.join(paths)}


def stop(run: Path, timeout_s: float) -> int | None:
    """Stop the run of a folder and wait until it has gone; its pid, or None where nothing ran.

    Raises BusyError when it is still there after `timeout_s` (it drains; a second call ends it at once).
    """
    pid = lock.holder(run) if run.is_dir() else None
    if not pid:
        return None
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return pid
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        with selectors.DefaultSelector() as selector:
            selector.register(pidfd, selectors.EVENT_READ)
            if not selector.select(timeout_s):
                raise BusyError(
                    "node.draining",
                    f"pid {pid} still finishes requests after {timeout_s:g} s",
                    hint="`skerry down` once more ends it at once",
                )
    finally:
        os.close(pidfd)
    return pid
