"""SFW/1, the wire between an engine and a worker: frames on a unix stream, one call at a time.

Header, 16 bytes, little endian: u32 bytes of payload, u8 type, u8 flags (0), u16 version (1), u64 call id.

type        direction           payload
1 HELLO     worker → engine     {"pid", "python", "runtime", "word"}
2 LOAD      launcher → worker   the definition; written before the engine gets the socket
3 READY     worker → engine     {"init_ms"}
4 INVOKE    engine → worker     u32 bytes of context, context JSON, event JSON
5 RESULT    worker → engine     JSON of the returned value
6 ERROR     worker → engine     {"type", "message", "trace", "stage": "init" | "call"}
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

HELLO, LOAD, READY, INVOKE, RESULT, ERROR = 1, 2, 3, 4, 5, 6
VERSION = 1
PAYLOAD_BYTES_MAX = 8 * 1024 * 1024
_HEADER = struct.Struct("<IBBHQ")
_CONTEXT_BYTES = struct.Struct("<I")
HEADER_BYTES = _HEADER.size
# More than most calls are, and small enough that malloc keeps what recv returns of it: half a µs a call.
_READ_BYTES = 16 * 1024


class WireError(Exception):
    """Bytes that are no frame of ours: the socket is of no further use."""


class Frame(NamedTuple):
    """One frame. call_id 0 outside calls."""

    kind: int
    call_id: int
    payload: bytes


def encode(kind: int, call_id: int, payload: bytes) -> bytes:
    """The bytes of a frame. The payload must be within PAYLOAD_BYTES_MAX."""
    return _HEADER.pack(len(payload), kind, 0, VERSION, call_id) + payload


def encode_invoke(call_id: int, context: bytes, event: bytes) -> bytes:
    """An INVOKE: both parts are JSON already."""
    return encode(INVOKE, call_id, _CONTEXT_BYTES.pack(len(context)) + context + event)


def split_invoke(payload: bytes) -> tuple[bytes, bytes]:
    """Context and event of an INVOKE. Raises WireError."""
    if len(payload) < 4:
        raise WireError("an INVOKE without a context")
    (count,) = _CONTEXT_BYTES.unpack_from(payload)
    if 4 + count > len(payload):
        raise WireError("an INVOKE whose context is longer than itself")
    return payload[4 : 4 + count], payload[4 + count :]


class Reader:
    """Frames from a function that receives bytes (`b""` at the end)."""

    def __init__(self, receive: Callable[[int], bytes]) -> None:
        self._receive = receive
        self._held = b""

    def holds_bytes(self) -> bool:
        """Whether something was received beyond the last frame: a poll would not tell of it."""
        return bool(self._held)

    def read(self) -> Frame | None:
        """The next frame, or None at the end. Raises WireError, also where the end cuts a frame."""
        held = self._held
        while len(held) < HEADER_BYTES:
            more = self._receive(_READ_BYTES)
            if not more:
                if held:
                    raise WireError("the end inside a header")
                return None
            held += more
        count, kind, _flags, version, call_id = _HEADER.unpack_from(held)
        if version != VERSION:
            raise WireError(f"wire version {version}, this side speaks {VERSION}")
        if count > PAYLOAD_BYTES_MAX:
            raise WireError(f"a frame of {count} bytes, {PAYLOAD_BYTES_MAX} are the most")
        whole = HEADER_BYTES + count
        if len(held) < whole:
            held = self._complete(held, whole)
        self._held = held[whole:]
        return Frame(kind, call_id, held[HEADER_BYTES:whole])

    def _complete(self, held: bytes, whole: int) -> bytes:
        parts, have = [held], len(held)
        while have < whole:
            more = self._receive(min(1 << 20, whole - have))
            if not more:
                raise WireError("the end inside a frame")
            parts.append(more)
            have += len(more)
        return b"".join(parts)
