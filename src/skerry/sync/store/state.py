"""What a partition knows beside logs and records. It is written with every transaction that changes it."""

from __future__ import annotations

import apsw
import msgspec

from skerry.sync.clock import NEW, ClockState, Stamp
from skerry.sync.log import Head, LogName


class State(msgspec.Struct, array_like=True):
    """New fields come at the end.

    name      the log that this node writes
    clock     to be found again after a restart
    settled   the position in it up to which stamps are final
    acked     the position up to which the hub has acknowledged
    known_ms  the latest time that a hub has told
    epoch     the hub's life that `acked` and the heads were compared with; b"" for none
    refused   a hub has refused changes for their stamps
    forget    a floor, and what has to be applied before deletions below it are forgotten
    """

    name: LogName
    clock: ClockState = NEW
    settled: int = 0
    acked: int = 0
    known_ms: int = 0
    epoch: bytes = b""
    refused: bool = False
    forget: tuple[Stamp, list[tuple[LogName, Head]]] | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


def load(connection: apsw.Connection, part: int) -> State:
    """As it is stored."""
    return _decoder.decode(connection.execute("SELECT state FROM part WHERE id = ?", (part,)).get)


def save(connection: apsw.Connection, part: int, state: State) -> None:
    """With the transaction that is open."""
    connection.execute("UPDATE part SET state = ? WHERE id = ?", (_encoder.encode(state), part))


def make(connection: apsw.Connection, name: LogName) -> int:
    """The number of a lane's partition; one that is new begins with `name` as its own log."""
    connection.execute(
        "INSERT INTO part(lane, partition, state) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (name.lane, name.partition, _encoder.encode(State(name))),
    )
    found: int = connection.execute(
        "SELECT id FROM part WHERE lane = ? AND partition = ?", (name.lane, name.partition)
    ).get
    return found
