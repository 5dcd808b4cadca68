"""How control talks to an engine over its unix socket: a JSON line, then a body if the line says so.

The first line of a connection is `{"token": …}`. A request is `{"op": …, "body_bytes": n}` and n bytes; the
answer is `{"ok": true, "body_bytes": n}` and n bytes, or `{"ok": false, "code": …, "message": …}`. Bodies
are the engine's own JSON and pass through unread. Standard library only: this runs in an engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

LINE_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 64 * 1024 * 1024


class FrameError(ValueError):
    """The other side does not speak this."""


def encode(head: dict[str, object], body: bytes = b"") -> bytes:
    """One frame."""
    if body:
        head = head | {"body_bytes": len(body)}
    return json.dumps(head, separators=(",", ":")).encode() + b"\n" + body


def body_bytes(head: dict[str, object]) -> int:
    """Length of the body that follows a head. Raises FrameError."""
    length = head.get("body_bytes", 0)
    if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length <= BODY_BYTES_MAX:
        raise FrameError(f"body_bytes is {length!r}, not a number up to {BODY_BYTES_MAX}")
    return length


def parse_head(line: bytes) -> dict[str, object]:
    """A frame's line. Raises FrameError."""
    try:
        head = json.loads(line)
    except ValueError as error:
        raise FrameError(f"not a line of JSON: {error}") from error
    if not isinstance(head, dict):
        raise FrameError("the line is JSON, but no object")
    return head


class Frames:
    """Bytes in, whole frames out, whatever pieces they arrive in."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._head: dict[str, object] | None = None

    def feed(self, data: bytes) -> Iterator[tuple[dict[str, object], bytes]]:
        """Frames that are complete now. Raises FrameError; the connection is of no use after that."""
        self._pending += data
        while True:
            if self._head is None:
                end = self._pending.find(b"\n", 0, LINE_BYTES_MAX)
                if end < 0:
                    if len(self._pending) >= LINE_BYTES_MAX:
                        raise FrameError(f"no line end within {LINE_BYTES_MAX} bytes")
                    return
                self._head = parse_head(bytes(self._pending[:end]))
                del self._pending[: end + 1]
            length = body_bytes(self._head)
            if len(self._pending) < length:
                return
            head, body = self._head, bytes(self._pending[:length])
            del self._pending[:length]
            self._head = None
            yield head, body
