"""A program under measurement: pinned to a core, with the CPU time that all its tasks have used."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

SERVER_CORE = 0
CLIENT_CORE = 1
START_DEADLINE_S = 20.0


def free_port() -> int:
    """A TCP port of loopback that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def task_times_ns(pids: Sequence[int]) -> dict[tuple[int, str], int]:
    """CPU time on a core of every task, from schedstat (first field, nanoseconds; kernel: Documentation/scheduler)."""
    times = {}
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*"):
            try:
                times[pid, task.name] = int((task / "schedstat").read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue  # a task that ended meanwhile, as nginx's cache loader does
    return times


def spent_ns(before: Mapping[tuple[int, str], int], after: Mapping[tuple[int, str], int]) -> int:
    """Time between two readings. A task that ended between them is left out: it was idle in every server we run."""
    return sum(time_ns - before.get(task, 0) for task, time_ns in after.items())


def rss_bytes(pid: int) -> int:
    """Resident memory of one process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * next(
        int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")
    )


class Server:
    """A started program and its children. Stops them all when left.

    core: the core all of it runs on; none: wherever the kernel puts it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        *,
        core: int | None = SERVER_CORE,
        tls_port: int = 0,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.port = port
        self.tls_port = tls_port
        self.folder = folder
        self._log = (folder / "output.log").open("wb") if folder else subprocess.DEVNULL
        pinned = ["taskset", "-c", str(core), *command] if core is not None else list(command)
        # A session of its own: stop() then reaches the children too, and nobody else.
        self._process = subprocess.Popen(
            pinned,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        self._wait_ready()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            if self._process.poll() is not None:
                self.stop()
                raise SystemExit(f"{self.name} ended at its start: {self.output()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    self.stop()
                    raise SystemExit(
                        f"{self.name} does not listen on port {self.port}: {self.output()}"
                    ) from None
                time.sleep(0.02)

    def output(self) -> str:
        """The end of what it has printed."""
        return (
            (self.folder / "output.log").read_text(errors="replace")[-2000:] if self.folder else ""
        )

    def pids(self) -> list[int]:
        """The program and all that it started."""
        found, seen = [self._process.pid], 0
        while seen < len(found):
            for children in Path(f"/proc/{found[seen]}/task").glob("*/children"):
                with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                    found += [int(pid) for pid in children.read_text().split()]
            seen += 1
        return found

    def times_ns(self) -> dict[tuple[int, str], int]:
        """A reading for `spent_ns`."""
        return task_times_ns(self.pids())

    def keep_to(self, cores: Collection[int]) -> None:
        """Let all its tasks, and what they start from now on, run on these cores alone."""
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").glob("*"):
                with suppress(ProcessLookupError):  # it has ended meanwhile
                    os.sched_setaffinity(int(task.name), cores)

    def rss_bytes(self) -> int:
        """Resident memory of all its processes, shared pages counted in each (the larger of the honest figures)."""
        return sum(rss_bytes(pid) for pid in self.pids())

    def truncate_logs(self) -> None:
        """Empty access logs between runs: a growing file on tmpfs costs page allocations that are not the server's."""
        for log in (self.folder or Path("/nonexistent")).glob("*.log"):
            os.truncate(log, 0)

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.returncode

    def stop(self) -> None:
        """End it and what it started."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        if not isinstance(self._log, int):
            self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
