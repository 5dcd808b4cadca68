"""The request path of one PoP in the test's own process: the real engine, a thread, a free port.

No init, no control, no launcher: it starts in milliseconds. A function that a path calls answers 503, for there
is nobody to run it; tests of functions take `skerry_project`. Certificates come from a CA of its own.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: status and explanations are JSON

import msgspec

from skerry._native import Engine
from skerry.base.clock import SystemClock
from skerry.pop.compile import Ports, compile_project
from skerry.pop.snapshot import Snapshot
from skerry.readers import project as reader
from skerry.spec.project import Project
from skerry.testing import ports
from skerry.testing.viewer import Answer, ask
from skerry.trust import authority, folder

DRAIN_S = 2.0
CACHE_BYTES_MAX = 16 * 1024 * 1024
OBJECT_BYTES_MAX = 4 * 1024 * 1024


class Walk:
    """An engine that serves HTTP on `port` and TLS on `https_port`.

    state  a folder for its purge journal and its access log (access.log, JSON lines)
    """

    def __init__(self, snapshot: Snapshot, state: Path) -> None:
        plain, secure = ports.listener(), ports.listener()
        self.port = int(plain.getsockname()[1])
        self.https_port = int(secure.getsockname()[1])
        self.state = state
        self.ca = furnish(snapshot, state)
        config = {
            "pop": snapshot.pop.name,
            "threads": 1,
            "http_fds": [plain.detach()],
            "https_fds": [secure.detach()],
            "cache_bytes_max": CACHE_BYTES_MAX,
            "object_bytes_max": OBJECT_BYTES_MAX,
            "state_dir": str(state),
            "access_log": str(state / "access.log"),
            "access_log_format": "json",
            "launcher": "",
            "launcher_token": "",
            "tls_dir": str(state / "tls"),
        }
        self._engine = Engine(json.dumps(config).encode())
        self.apply(snapshot)
        self._thread = threading.Thread(target=self._engine.run, name="engine")
        self._thread.start()

    def apply(self, snapshot: Snapshot) -> None:
        """Serve another snapshot from the next request on."""
        own = msgspec.structs.replace(snapshot, http_port=self.port, https_port=self.https_port)
        self._engine.apply(msgspec.json.encode(own))

    def get(self, path: str, **how: Any) -> Answer:  # Any: `request` has the types
        """GET; `request` says what else can be told."""
        return self.request("GET", path, **how)

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        host: str = "localhost",
        tls: bool = False,
    ) -> Answer:
        """One request on a connection of its own."""
        return ask(
            self.https_port if tls else self.port,
            path,
            method=method,
            headers=headers,
            body=body,
            host=host,
            ca=self.ca if tls else None,
        )

    def purge(self, *paths: str, soft: bool = False) -> int:
        """Purge paths, everything where none is named; the sequence that it got."""
        wanted = {"paths": paths, "hosts": [], "tags": [], "all": not paths, "soft": soft}
        return self._engine.purge(json.dumps(wanted).encode())[0]

    def status(self) -> dict[str, Any]:
        """Counters and gauges."""
        return dict(json.loads(self._engine.status()))

    def explain(self, request_id: str) -> dict[str, Any] | None:
        """What happened to a request; None where it is not known any more."""
        found = self._engine.explain_request(request_id)
        return None if found is None else dict(json.loads(found))

    def close(self) -> None:
        """Finish what was accepted, and end."""
        self._engine.drain(DRAIN_S)
        self._thread.join(DRAIN_S + 1)


def furnish(snapshot: Snapshot, state: Path) -> Path:
    """Certificates for the snapshot's aliases, by a CA that lives as long as `state`; the CA's file."""
    tls, ca = state / "tls", state / "ca"
    tls.mkdir(mode=0o700)
    folder.furnish(
        tls,
        {each.id: each.aliases for each in snapshot.distributions},
        ca_folder=ca,
        owner="a test",
        now_s=SystemClock().now_s(),
        random_bytes=os.urandom,
    )
    return ca / authority.CERTIFICATE


def snapshot_of(project: Project) -> Snapshot:
    """What the first PoP of a project serves."""
    pop = project.local.pops[0].name
    compiled = compile_project(
        project,
        version=1,
        versions={},
        ports={pop: Ports(0)},
        is_folder=lambda path: Path(path).is_dir(),
    )
    return compiled.snapshots[pop]


def read(given: Snapshot | Project | Path | str) -> Snapshot:
    """A snapshot out of whatever a test has: a snapshot, a project, or a project's folder."""
    if isinstance(given, Snapshot):
        return given
    if isinstance(given, Project):
        return snapshot_of(given)
    return snapshot_of(reader.read(Path(given).resolve()))
