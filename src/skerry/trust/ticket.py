"""Keys of TLS session tickets, in a file that all engines of a project share and that outlives them.

With keys of its own an engine could resume no session that another began, and a restart would cost every
viewer a full handshake. Keys are exchanged every twelve hours and forgotten after a day and a half: a stolen key
opens no older session (RFC 8446, 8.1 and C.4; tickets live a day at most).

The file: a line a key, newest first: name (16 bytes), key (32 bytes, AES-256-GCM), seconds since 1970 when it was made,
the first two in hex. The first line seals, every line opens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.trust.authority import write_private

FILE = "tickets"
NAME_BYTES = 16
KEY_BYTES = 32
ROTATED_EVERY_S = 12 * 3600
SKEW_S = 3600
KEPT_S = 3 * ROTATED_EVERY_S


@dataclass(frozen=True)
class TicketKey:
    """One key. name: what a ticket begins with, so that the right key opens it."""

    name: bytes
    key: bytes
    made_s: int


def rotate(
    keys: Sequence[TicketKey], now_s: float, random_bytes: Callable[[int], bytes]
) -> tuple[TicketKey, ...]:
    """The keys to use from now on; the same ones where none is due.

    A key from the future (a clock was set back) is forgotten: it would never be due.
    """
    kept = tuple(key for key in keys if -SKEW_S <= now_s - key.made_s < KEPT_S)
    if kept and now_s - kept[0].made_s < ROTATED_EVERY_S:
        return kept
    return (TicketKey(random_bytes(NAME_BYTES), random_bytes(KEY_BYTES), int(now_s)), *kept)


def encode(keys: Sequence[TicketKey]) -> bytes:
    """Keys as the file's bytes."""
    return "".join(f"{key.name.hex()} {key.key.hex()} {key.made_s}\n" for key in keys).encode()


def decode(content: bytes) -> tuple[TicketKey, ...]:
    """The file's bytes as keys. A damaged line is left out: its tickets cost a full handshake, no more."""
    keys = []
    for line in content.decode("ascii", "replace").splitlines():
        try:
            name, key, made_s = line.split()
            found = TicketKey(bytes.fromhex(name), bytes.fromhex(key), int(made_s))
        except ValueError:
            continue
        if len(found.name) == NAME_BYTES and len(found.key) == KEY_BYTES:
            keys.append(found)
    return tuple(keys)


def refresh(folder: Path, now_s: float, random_bytes: Callable[[int], bytes]) -> bool:
    """Rotate the file in `folder` where that is due; True where it changed. random_bytes: `os.urandom`."""
    path = folder / FILE
    before = path.read_bytes() if path.exists() else b""
    after = encode(rotate(decode(before), now_s, random_bytes))
    if after == before:
        return False
    write_private(path, after)
    return True
