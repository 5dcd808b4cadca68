"""The little server around the core, with an engine that only says its name."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from benchmarks.http import environment
from benchmarks.server import Server, free_port

AROUND = """
import json, socket, sys, threading, types
from pathlib import Path

class Engine:
    def __init__(self, config):
        self.config = json.loads(config)
        self.over = threading.Event()
    def apply(self, snapshot):
        self.snapshot = snapshot
    def run(self):
        listener = socket.socket(fileno=self.config["http_fds"][0])
        threading.Thread(target=self.greet, args=(listener,), daemon=True).start()
        self.over.wait()
    def greet(self, listener):
        listener.setblocking(True)
        while True:
            with listener.accept()[0] as viewer:
                viewer.sendall(self.config["pop"].encode() + b" " + self.snapshot)
    def drain(self, deadline_s):
        self.over.set()

native = types.ModuleType("skerry._native")
native.Engine = Engine
sys.modules["skerry._native"] = native
from benchmarks import serve
serve.main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
"""


def test_it_hands_over_listeners_and_snapshot_and_ends_when_asked(tmp_path: Path) -> None:
    (tmp_path / "snapshot.json").write_bytes(b"{}")
    port = free_port()
    command = [sys.executable, "-c", AROUND, str(tmp_path), str(port), str(free_port()), "tls"]
    server = Server("serve", command, port, folder=tmp_path, environment=environment())
    with server, socket.create_connection(("127.0.0.1", port), timeout=5) as viewer:
        assert viewer.recv(100) == b"bench {}"
    assert server.returncode == 0


def test_it_can_be_read_without_the_core_and_imports_little() -> None:
    probe = [
        sys.executable,
        "-c",
        "import benchmarks.serve, sys; assert 'msgspec' not in sys.modules",
    ]
    assert subprocess.run(probe, env=environment(), check=False).returncode == 0
