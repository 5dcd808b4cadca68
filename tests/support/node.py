"""A real init with real sockets on free ports, for tests; everything below it is gone when it is."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from skerry.node import settings as node_settings
from skerry.node.settings import NodeSettings, PopSettings
from tests.support.wait import until

SOURCE = Path(__file__).parents[2] / "src"
STAND_IN = Path(__file__).parent / "stand_in"


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Poll until the condition holds; its value. Fails by name."""
    return until(condition, within_s=10.0, what=what)


def environment(every_stand_in: bool = True) -> dict[str, str]:
    """Environment for our programs in which unbuilt rooms (or all of them) are stood in for."""
    found = dict(os.environ, PYTHONPATH=f"{STAND_IN}{os.pathsep}{SOURCE}")
    found["XDG_DATA_HOME"] = str(
        Path(tempfile.gettempdir()) / f"skerry-tests-{os.getuid()}"
    )  # not the user's CA
    if every_stand_in:
        found["TEST_STAND_IN"] = "all"
    return found


@dataclass
class Node:
    """A running init."""

    process: subprocess.Popen[bytes]
    settings: NodeSettings
    events: list[dict[str, Any]]

    @property
    def parts(self) -> dict[str, dict[str, Any]]:
        try:
            found = json.loads((self.settings.run / "parts.json").read_text())["parts"]
        except FileNotFoundError:
            return {}
        return dict(found)

    def pid(self, seat: str) -> int:
        """Pid that serves a seat, once it is ready."""

        def ready() -> int:
            part = self.parts.get(seat, {})
            return int(part["pid"]) if part.get("state") == "ready" else 0

        return int(eventually(ready, f"{seat} ready"))

    def log(self) -> str:
        return (self.settings.log / "node.log").read_text()

    def port(self, n: int = 0) -> int:
        return self.settings.pops[n].http_port


def family(pid: int) -> set[int]:
    """A process and all below it, by /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = set(), [pid]
    while todo:
        one = todo.pop()
        found.add(one)
        todo += children.get(one, [])
    return found


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def settings_for(root: Path, pops: int = 1, **changes: Any) -> NodeSettings:
    """A run on free ports."""
    names = ("us-east", "eu-west", "ap-south")[:pops]
    made = NodeSettings(
        root=str(root),
        pops=tuple(PopSettings(name, free_port()) for name in names),
        threads=1,
        drain_s=3.0,
    )
    return replace(made, **changes)


@contextmanager
def running(
    settings: NodeSettings, *, wait: bool = True, real: tuple[str, ...] = ()
) -> Iterator[Node]:
    """Start init as `skerry up` does; on the way out stop it and see that nobody stays.

    real  rooms that are not stood in for
    """
    path = node_settings.write(settings)
    read_end, write_end = os.pipe()
    with (settings.log / "node.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-S", "-m", "skerry.node.init", str(path), str(write_end)],
            pass_fds=[write_end],
            env=environment() | {"TEST_REAL": ",".join(real)},
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    os.close(write_end)
    node = Node(process, settings, [])
    below: set[int] = set()
    try:
        with os.fdopen(read_end) as events:
            if wait:
                for line in events:
                    node.events.append(json.loads(line))
        yield node
        below = family(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    eventually(lambda: not [pid for pid in below if alive(pid)], "all processes of the run gone")


def fetch(port: int, path: str = "/", timeout_s: float = 10.0) -> dict[str, Any]:
    """GET over a connection of its own; the JSON body. Raises OSError when refused or cut."""
    with socket.create_connection(("127.0.0.1", port), timeout_s) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        data = b""
        while chunk := connection.recv(65536):
            data += chunk
    if not data:
        raise ConnectionError("closed without an answer")
    return dict(json.loads(data.partition(b"\r\n\r\n")[2]))


def free_ports(count: int) -> int:
    """The first of `count` ports in a row that are all free now."""
    while True:
        first = free_port()
        probes = [socket.socket() for _n in range(count)]
        try:
            for number, probe in enumerate(probes):
                probe.bind(("127.0.0.1", first + number))
        except (OSError, OverflowError):
            continue  # taken, or past the last port: draw again
        finally:
            for probe in probes:
                probe.close()
        return first
