"""An engine for tests of everything around the engine: the same seam, answers told by the snapshot.

It serves plain HTTP/1.1 with a thread a connection: `/` answers the snapshot's version, `/slow/N` waits N ms
first, `/die` ends the process in the middle of the request. Purges are counted into the state folder.
"""

from __future__ import annotations

import json
import os
import select
import socket
import threading
import time
from pathlib import Path


class Engine:
    """See src/skerry/_native.pyi."""

    def __init__(self, config: bytes) -> None:
        self.config = json.loads(config)
        self.listeners = [
            socket.socket(fileno=fd) for fd in self.config["http_fds"] + self.config["https_fds"]
        ]
        for listener in self.listeners:
            listener.setblocking(False)
        self.journal = Path(self.config["state_dir"]) / "purges"
        self.snapshot: dict[str, object] = {}
        self.requests: dict[str, dict[str, object]] = {}
        self.draining = threading.Event()
        self.open = 0
        self.lock = threading.Lock()
        self.wake, self.woken = socket.socketpair()
        self.deadline_s = 0.0

    def apply(self, snapshot: bytes) -> None:
        value = json.loads(snapshot)
        if value.get("format") != 1:
            raise ValueError("format: only 1 is known")
        self.snapshot = value

    def share_journal(self, shares: bool) -> None:
        """It has none."""

    def purge(self, request: bytes) -> tuple[int, int]:
        json.loads(request)
        with self.journal.open("a") as file:
            file.write("p")
        return self.journal.stat().st_size, len(self.requests)

    def status(self) -> bytes:
        return json.dumps({"requests": len(self.requests), "hits": 0}).encode()

    def explain_request(self, request_id: str) -> bytes | None:
        found = self.requests.get(request_id)
        return None if found is None else json.dumps(found).encode()

    def explain_url(self, request: bytes) -> bytes:
        return json.dumps(
            {"url": json.loads(request)["url"], "steps": [{"step": "lookup", "outcome": "miss"}]}
        ).encode()

    def run(self) -> None:
        poller = select.epoll()
        poller.register(self.woken, select.EPOLLIN)
        for listener in self.listeners:
            poller.register(listener, select.EPOLLIN)
        by_number = {listener.fileno(): listener for listener in self.listeners}
        while not self.draining.is_set():
            for number, _event in poller.poll():
                if number in by_number:
                    try:
                        connection, _address = by_number[number].accept()
                    except BlockingIOError:
                        continue
                    with self.lock:
                        self.open += 1
                    threading.Thread(target=self.serve, args=(connection,), daemon=True).start()
        for listener in self.listeners:
            poller.unregister(listener)
            listener.close()
        until = time.monotonic() + self.deadline_s
        while self.open and time.monotonic() < until:
            self.draining.wait(0.001) if not self.draining.is_set() else select.select(
                [], [], [], 0.001
            )

    def drain(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        self.draining.set()
        self.wake.send(b"d")

    def serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head:
                data = connection.recv(4096)
                if not data:
                    return
                head += data
            path = head.split(b" ")[1].decode()
            if path.startswith("/slow/"):
                select.select([], [], [], int(path.split("/")[2]) / 1000)
            if path == "/die":
                os._exit(9)
            request_id = f"r{os.getpid()}-{len(self.requests)}"
            self.requests[request_id] = {"id": request_id, "url": path, "steps": []}
            body = json.dumps(
                {"version": self.snapshot.get("version"), "pid": os.getpid()}
            ).encode()
            answer = (
                f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nX-Request: {request_id}\r\n"
            )
            connection.sendall(answer.encode() + b"Connection: close\r\n\r\n" + body)
        except OSError:
            pass
        finally:
            connection.close()
            with self.lock:
                self.open -= 1
