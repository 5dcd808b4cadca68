"""What a change costs in the sync kernel, in µs of CPU: `python -m benchmarks.changes`. No peers, no goals.

The wire's candidates first (docs/decisions/sync.md says which was taken), then each step that a change goes through.
The lane as a whole is measured by a benchmark of its own once there are a store and a hub.
"""

from __future__ import annotations

import base64
import os
import struct
import time
from collections.abc import Callable

import msgspec
import orjson

from skerry.sync import change as wire
from skerry.sync import log as logs
from skerry.sync.change import Assign, Change, Put
from skerry.sync.clock import HybridClock
from skerry.sync.merge import record as records
from skerry.sync.merge import write
from skerry.sync.merge.record import Record
from skerry.sync.merge.view import view

NOW_MS = 1_764_000_000_000
HEAD = struct.Struct(">16sHHI")
BATCH = 512


def cost_us(call: Callable[[], object], times: int = 20_000, rounds: int = 7) -> float:
    """CPU time of one call, the best of some rounds."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        for _ in range(times):
            call()
        best = min(best, (time.process_time() - begun) / times)
    return best * 1e6


def wires(change: Change, value: object) -> dict[str, tuple[int, float, float]]:
    """Candidate → bytes, µs to encode, µs to decode."""
    ours = wire.encode(change)
    body = value if isinstance(value, bytes) else msgspec.msgpack.encode(value)

    def to_json() -> bytes:
        shown = base64.b64encode(value).decode() if isinstance(value, bytes) else value
        return orjson.dumps([change.stamp.hex(), change.space, change.key, [[0, shown]]])

    def to_struct() -> bytes:
        space, key = change.space.encode(), change.key.encode()
        packed = HEAD.pack(change.stamp, len(space), len(key), len(body))
        return packed + space + key + body

    def from_struct() -> object:
        stamp, space, key, _ = HEAD.unpack_from(plain)
        at = HEAD.size + space
        found = plain[at + key :]
        text = plain[HEAD.size : at].decode(), plain[at : at + key].decode()
        return stamp, text, found if isinstance(value, bytes) else msgspec.msgpack.decode(found)

    json, plain = to_json(), to_struct()
    return {
        "msgpack (msgspec)": (
            len(ours),
            cost_us(lambda: wire.encode(change)),
            cost_us(lambda: wire.decode(ours)),
        ),
        "JSON (orjson)": (len(json), cost_us(to_json), cost_us(lambda: orjson.loads(json))),
        "struct, value in msgpack": (len(plain), cost_us(to_struct), cost_us(from_struct)),
    }


def steps(clock: HybridClock) -> dict[str, tuple[float, float]]:
    """Step → µs for a put of 256 bytes, µs for a patch of one field of five."""
    value = os.urandom(256)
    document = {"temp": 21.5, "unit": "C", "site": "ams", "n": 42, "tags": ["a", "b"]}
    name = logs.log_of("state", "p", clock.node)
    pairs = []
    for base, operation in ((value, Put(value)), (document, Assign(("temp",), 22.5))):
        record = Record()
        records.apply(record, Change(clock.tick(NOW_MS), "s", "k", [write.put(None, base)]))
        change = Change(clock.tick(NOW_MS), "readings", "sensor-17", [operation])
        pairs.append((record, change))
    found: dict[str, list[float]] = {}
    for record, change in pairs:
        raw, stored = wire.encode(change), records.encode(record)
        batch = logs.sealed(name, name.start, [raw] * BATCH)
        log = logs.empty(name)

        def take(stored: bytes = stored, change: Change = change) -> bytes:
            held = records.decode(stored)
            records.apply(held, change)
            return records.encode(held)

        costs = {
            "stamp": cost_us(lambda: clock.tick(NOW_MS)),
            "encode": cost_us(lambda c=change: wire.encode(c)),
            "decode": cost_us(lambda r=raw: wire.decode(r)),
            "append, with its hash (of 512)": cost_us(
                lambda at=log, b=batch: logs.append(at, b, lambda _: None), 100
            )
            / BATCH,
            "apply to a stored record": cost_us(take),
            "show": cost_us(lambda r=record: view(r, NOW_MS)),
        }
        for step, cost in costs.items():
            found.setdefault(step, []).append(cost)
    return {step: (put, patch) for step, (put, patch) in found.items()}


def main() -> None:
    """Print both tables."""
    clock = HybridClock(b"nodeAAAA")
    for title, value in (
        ("put of 256 bytes", os.urandom(256)),
        (
            "put of a map of five",
            {"temp": 21.5, "unit": "C", "site": "ams", "n": 42, "tags": ["a"]},
        ),
    ):
        print(f"{title:32}{'bytes':>8}{'encode':>9}{'decode':>9}")
        change = Change(clock.tick(NOW_MS), "readings", "sensor-17", [Put(value)])
        for name, (size, there, back) in wires(change, value).items():
            print(f"  {name:30}{size:8}{there:9.2f}{back:9.2f}")
    print(f"{'step':32}{'put':>8}{'patch':>9}")
    for step, (put, patch) in steps(clock).items():
        print(f"  {step:30}{put:8.2f}{patch:9.2f}")


if __name__ == "__main__":
    main()
