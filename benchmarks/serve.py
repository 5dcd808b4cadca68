"""One PoP alone: the native engine with a snapshot, no other process of Skerry's.

`python -m benchmarks.serve JSON` with {"port", "tls_port", "origin", "folder", "tls"} and, where wanted,
"profile", "default_ttl_s" and "threads". It is the server that the benchmarks of the request path
measure; what `skerry up` adds (control, launcher) stands beside the path and not on it.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from skerry.pop.snapshot import Snapshot, Target
from skerry.spec.distribution import (
    Behavior,
    Distribution,
    ForwardPolicy,
    HeaderSelection,
    KeyPolicy,
    Method,
    Origin,
    Selection,
    Ttl,
)
from skerry.spec.pop import Pop

ALL_METHODS: tuple[Method, ...] = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")


def snapshot(wanted: dict[str, Any]) -> Snapshot:  # Any: decoded JSON of our own caller
    """A distribution with one origin, which answers to every name."""
    all_query = Selection("all")
    behavior = Behavior(
        "*",
        "origin",
        allowed_methods=ALL_METHODS,
        key=KeyPolicy(query=all_query),
        forward=ForwardPolicy(all_query, all_query, HeaderSelection("all_viewer")),
        ttl=Ttl(0, wanted.get("default_ttl_s", 86_400)),
    )
    distribution = Distribution(
        "bench", "EBENCH", origins=(Origin("origin", "origin.example"),), behaviors=(behavior,)
    )
    return Snapshot(
        version=1,
        profile=wanted.get("profile", "cloudfront"),
        level="warn",
        pop=Pop("bench", "iad"),
        distributions=(distribution,),
        targets={"origin": Target("url", url=f"http://127.0.0.1:{wanted['origin']}")},
        http_port=wanted["port"],
        https_port=wanted.get("tls_port", 0),
    )


def listen(port: int) -> int:
    """A listening descriptor on loopback that the engine takes over."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(4096)
    listener.setblocking(False)
    return listener.detach()


def main(argument: str) -> None:
    """Serve until a SIGTERM."""
    from skerry._native import (
        Engine,  # here, so that `snapshot` can be used where the core is not built
    )

    wanted = json.loads(argument)
    folder = Path(wanted["folder"])
    config = {
        "pop": "bench",
        "threads": wanted.get("threads", 1),
        "http_fds": [listen(wanted["port"])],
        "https_fds": [listen(wanted["tls_port"])] if wanted.get("tls_port") else [],
        "cache_bytes_max": 1 << 30,
        "object_bytes_max": 64 << 20,
        "state_dir": str(folder),
        "access_log": str(folder / "access.log"),
        "access_log_format": "standard",
        "launcher": "",
        "launcher_token": "",
        "tls_dir": wanted.get("tls", ""),
    }
    engine = Engine(json.dumps(config).encode())
    engine.apply(msgspec.json.encode(snapshot(wanted)))
    running = threading.Thread(target=engine.run)
    signal.signal(signal.SIGTERM, lambda *_: engine.drain(0.5))
    running.start()
    while running.is_alive():
        running.join(1.0)  # in slices, for a signal is handled between two of them


if __name__ == "__main__":
    main(sys.argv[1])
