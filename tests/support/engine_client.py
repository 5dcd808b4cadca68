"""Plays the engine: leases workers, calls them, and tells their output apart by its marks."""

from __future__ import annotations

import json
import os
import re
import select
import time
from dataclasses import dataclass, field
from typing import Any

from skerry.functions.guest import frames
from skerry.functions.lease import Lease

_MARK = re.compile(rb"\x1eSKERRY ([0-9a-f]+) ([BE]) (\d+)\n")


@dataclass
class Outcome:
    """How a call ended. kind: returned, failed, died, late."""

    kind: str
    value: Any = None
    error: dict[str, str] = field(default_factory=dict)


@dataclass
class Pipe:
    """One of the two pipes, split by marks: call id (0: outside calls) → bytes; forged marks are text."""

    number: int
    word: bytes = b""
    call_id: int = 0
    held: bytes = b""
    texts: dict[int, bytes] = field(default_factory=dict)
    count: int = 0
    keep_max: int = 1 << 20

    def drain(self) -> bool:
        """Read all there is; False at the end."""
        while True:
            try:
                data = os.read(self.number, 65536)
            except BlockingIOError:
                return True
            if not data:
                return False
            self.feed(data)

    def feed(self, data: bytes) -> None:
        self.count += len(data)
        self.held += data
        while match := _MARK.search(self.held):
            self._put(self.held[: match.start()])
            if match[1] == self.word:
                self.call_id = int(match[3]) if match[2] == b"B" else 0
            else:
                self._put(match[0])
            self.held = self.held[match.end() :]
        cut = self.held.rfind(b"\x1e")
        if cut < 0 or len(self.held) - cut > 100:
            self._put(self.held)
            self.held = b""

    def _put(self, text: bytes) -> None:
        have = self.texts.get(self.call_id, b"")
        self.texts[self.call_id] = have + text[: max(0, self.keep_max - len(have))]


class Worker:
    """A leased worker with its pipes."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.calls = 0
        self.hello: dict[str, Any] = {}
        self.out, self.err = Pipe(lease.stdout), Pipe(lease.stderr)

    def start(self, timeout_s: float = 10.0) -> Outcome:
        """HELLO, then READY or ERROR."""
        deadline = time.monotonic() + timeout_s
        while True:
            frame = self._frame(deadline)
            if isinstance(frame, str):
                return Outcome(frame)
            if frame.kind == frames.HELLO:
                self.hello = json.loads(frame.payload)
                self.out.word = self.err.word = self.hello["word"].encode()
            elif frame.kind == frames.READY:
                return Outcome("returned", json.loads(frame.payload))
            else:
                assert frame.kind == frames.ERROR
                return Outcome("failed", error=json.loads(frame.payload))

    def call(self, event: Any, *, timeout_s: float = 10.0, **context: Any) -> Outcome:
        self.calls += 1
        deadline = time.monotonic() + timeout_s
        told = {
            "request_id": f"r-{self.calls}",
            "deadline_ms": int((time.time() + timeout_s) * 1000),
        }
        told |= {"function": "f", "version": "1", "memory_mb": 128, "arn": "arn:test"} | context
        frame_bytes = frames.encode_invoke(
            self.calls, json.dumps(told).encode(), json.dumps(event).encode()
        )
        try:
            self.lease.socket.settimeout(timeout_s)
            self.lease.socket.sendall(frame_bytes)
        except (BrokenPipeError, ConnectionResetError):
            return Outcome("died")
        frame = self._frame(deadline)
        if isinstance(frame, str):
            return Outcome(frame)
        assert frame.call_id == self.calls, "an answer to another call"
        self.out.drain()
        self.err.drain()
        if frame.kind == frames.RESULT:
            return Outcome("returned", json.loads(frame.payload))
        assert frame.kind == frames.ERROR
        return Outcome("failed", error=json.loads(frame.payload))

    def _frame(self, deadline: float) -> frames.Frame | str:
        """The next frame, draining the pipes meanwhile; `died` at the end, `late` at the deadline."""
        poll = select.poll()
        for number in (self.lease.socket.fileno(), self.out.number, self.err.number):
            poll.register(number, select.POLLIN)
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return "late"
            if self.lease.holds_bytes():
                return self.lease.read(left_s) or "died"
            for number, _ in poll.poll(left_s * 1000):
                if number == self.lease.socket.fileno():
                    frame = self.lease.read(max(0.1, left_s))
                    return frame if frame is not None else "died"
                pipe = self.out if number == self.out.number else self.err
                if not pipe.drain():
                    poll.unregister(number)

    def printed(self, call_id: int) -> str:
        return self.out.texts.get(call_id, b"").decode()

    def close(self) -> None:
        self.lease.close()
