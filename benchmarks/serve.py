"""One PoP alone: the native engine with a snapshot, no other process of Skerry's.

`python -m benchmarks.serve FOLDER HTTP_PORT HTTPS_PORT TLS_FOLDER`, with the snapshot in FOLDER/snapshot.json. It
is the server that the benchmarks of the request path measure; what `skerry up` adds (control, launcher) stands
beside the path and not on it. It imports nothing but the core, for its memory is measured too.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
import threading
from pathlib import Path

CACHE_BYTES_MAX = 1 << 30
OBJECT_BYTES_MAX = 64 << 20


def listen(port: int) -> int:
    """A listening descriptor on loopback that the engine takes over."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(4096)
    listener.setblocking(False)
    return listener.detach()


def main(folder: Path, http_port: int, https_port: int, tls: str) -> None:
    """Serve until a SIGTERM."""
    from skerry._native import (
        Engine,  # here, so that this module can be read where the core is not built
    )

    config = {
        "pop": "bench",
        "threads": 1,
        "http_fds": [listen(http_port)],
        "https_fds": [listen(https_port)],
        "cache_bytes_max": CACHE_BYTES_MAX,
        "object_bytes_max": OBJECT_BYTES_MAX,
        "state_dir": str(folder),
        "access_log": str(folder / "access.log"),
        "access_log_format": "standard",
        "launcher": "",
        "launcher_token": "",
        "tls_dir": tls,
    }
    engine = Engine(json.dumps(config).encode())
    engine.apply((folder / "snapshot.json").read_bytes())
    running = threading.Thread(target=engine.run)
    signal.signal(signal.SIGTERM, lambda *_: engine.drain(0.5))
    running.start()
    while running.is_alive():
        running.join(1.0)  # in slices, for a signal is handled between two of them


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
