"""Made-up histories of one record: several writers who hear of each other now and then, each with its own clock.

`changes(steps)` turns what hypothesis draws into changes as real writers would make them (each from the
record as it has it), and `fold` is the independent answer to what the record then is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

import msgspec
from hypothesis import strategies as st

from skerry.sync.change import (
    Add,
    Assign,
    Change,
    Delete,
    Exclude,
    Include,
    Known,
    Later,
    Path,
    Put,
    Unset,
    Write,
)
from skerry.sync.clock import ZERO, HybridClock, Stamp, at_ms, millis, node_of
from skerry.sync.merge import write
from skerry.sync.merge.record import Record, apply

NODES = 3
SKEW_MS = (0, -50_000, 50_000)
PATHS: list[Path] = [("a",), ("b",), ("a", "x"), ("a", "x", "y"), ("n",), ("t",), ("v",)]
STEPS = st.lists(
    st.tuples(st.integers(0, NODES - 1), st.integers(0, 11), st.integers(0, 6), st.integers(0, 3)),
    max_size=40,
)
Step = tuple[int, int, int, int]


class Writer:
    """One node with its copy of the record, and how much it has heard of each of the others."""

    def __init__(self, number: int) -> None:
        self.clock = HybridClock(bytes([number]) * 8)
        self.record = Record()
        self.log: list[Change] = []
        self.heard = [0] * NODES

    def take(self, change: Change) -> None:
        """In: its own or another's."""
        self.clock.observe(change.stamp)
        apply(self.record, change)


def changes(steps: Iterable[Step], start_ms: int = 1_000_000) -> list[Change]:
    """All changes of the history, in the order they were made in."""
    writers = [Writer(number) for number in range(NODES)]
    made: list[Change] = []
    for at, (who, action, where, what) in enumerate(steps):
        writer = writers[who]
        if action >= 9:  # hear of another one, from a third or all of what it knows
            hear(writers, who, what % NODES, everything=where % 2 == 0)
            continue
        stamp = writer.clock.tick(start_ms + at * 10_000 + SKEW_MS[who])
        change = Change(stamp, "s", "k", operations(writer.record, action, where, what, stamp))
        writer.take(change)
        writer.log.append(change)
        writer.heard[who] += 1
        made.append(change)
    return made


def hear(writers: Sequence[Writer], who: int, whom: int, *, everything: bool) -> None:
    """Take in the other's changes, in their order."""
    begin, end = writers[who].heard[whom], len(writers[whom].log)
    if not everything:
        end = min(end, begin + 1)
    for change in writers[whom].log[begin:end]:
        writers[who].take(change)
    writers[who].heard[whom] = max(begin, end)


def operations(
    record: Record, action: int, where: int, what: int, stamp: Stamp
) -> list[Known | Later]:
    """One or two operations as this writer would make them."""
    path = PATHS[where % 4]
    match action:
        case 0:
            return [write.put(record, {"a": what, "b": [what], "n": what})]
        case 1:
            return [write.put(record, {"a": {"x": what}}, ttl_ms=50_000 * what or None)]
        case 2:
            return [write.delete(record)]
        case 3:
            return [write.assign(record, path, what), write.include(("t",), "always")]
        case 4:
            return [write.unset(record, path)]
        case 5 | 6:
            return [write.add(record, ("n",), what + 1, stamp)]
        case 7:
            if what % 2:
                return [write.include(("t",), where)]
            return [write.exclude(record, ("t",), where)]
        case _:
            return [write.write(record, ("v",), what, present=where != 0, server=where == 1)]


def fold(made: Iterable[Change], now_ms: int) -> object:
    """What the record is (None: nothing), from the changes alone and in no order: each cell by its own rule."""
    parts = [(change.stamp, each) for change in made for each in change.operations]
    root_stamp, root = max(
        ((s, o) for s, o in parts if isinstance(o, Put | Delete)),
        default=(ZERO, None),
        key=lambda pair: pair[0],
    )
    ends = (
        at_ms(millis(root_stamp) + root.ttl_ms)
        if isinstance(root, Put) and root.ttl_ms is not None
        else None
    )
    expired = ends if ends is not None and ends <= at_ms(now_ms) else ZERO
    registers: dict[Path, tuple[Stamp, Assign | Unset]] = {}
    for stamp, each in parts:
        if isinstance(each, Assign | Unset) and stamp > registers.get(each.path, (b"",))[0]:
            registers[each.path] = (stamp, each)

    def clear(path: Path) -> Stamp:
        above = [registers[path[:d]][0] for d in range(1, len(path) + 1) if path[:d] in registers]
        return max([root_stamp, expired, *above])

    shown: dict[str, object] = {}
    if isinstance(root, Put) and expired == ZERO:
        shown = {"": copy.deepcopy(root.value)}
    for path in sorted(registers, key=len):
        stamp, each = registers[path]
        if stamp >= clear(path[:-1]) and stamp >= expired:
            place(shown, path, each.value if isinstance(each, Assign) else None)
    sets(shown, parts, clear)
    counters(shown, parts, expired)
    versions(shown, parts, clear)
    return shown.get("")


def sets(
    shown: dict[str, object], parts: Sequence[tuple[Stamp, Known | Later]], clear: object
) -> None:
    """Elements with an addition that no removal covers."""
    assert callable(clear)
    removed = [o for _, o in parts if isinstance(o, Exclude)]
    found: dict[Path, set[bytes]] = {}
    for stamp, each in parts:
        if isinstance(each, Include) and stamp >= clear(each.path):
            gone = any(
                r.path == each.path
                and r.element == each.element
                and r.covers.get(node_of(stamp), b"") >= stamp
                for r in removed
            )
            if not gone:
                found.setdefault(each.path, set()).add(each.element)
    for path, elements in found.items():
        place(shown, path, [msgspec.msgpack.decode(e) for e in sorted(elements)])


def counters(
    shown: dict[str, object], parts: Sequence[tuple[Stamp, Known | Later]], expired: Stamp
) -> None:
    """Every increment that nobody who took the counter away had seen."""
    seen = [
        (path, node, stamp)
        for _, each in parts
        if isinstance(each, Put | Delete | Assign | Unset)
        for path, totals in each.seen
        for node, (stamp, _) in totals.items()
    ]
    alive = [
        (stamp, each)
        for stamp, each in parts
        if isinstance(each, Add)
        and not any(p == each.path and n == node_of(stamp) and stamp <= s for p, n, s in seen)
    ]
    sums: dict[Path, int] = {}
    for stamp, each in alive:  # an increment after the expiry brings its node's earlier ones back
        later = [s for s, o in alive if o.path == each.path and node_of(s) == node_of(stamp)]
        if max(later) >= expired:
            sums[each.path] = sums.get(each.path, 0) + each.delta
    for path, total in sums.items():
        at = shown.get("")
        for name in path:
            at = at.get(name) if isinstance(at, dict) else None
        place(shown, path, total + (at if isinstance(at, int) else 0))


def versions(
    shown: dict[str, object], parts: Sequence[tuple[Stamp, Known | Later]], clear: object
) -> None:
    """The latest version that no other one covers."""
    assert callable(clear)
    writes = [(stamp, o) for stamp, o in parts if isinstance(o, Write)]
    alive = [
        (stamp, each)
        for stamp, each in writes
        if stamp >= clear(each.path)
        and not any(
            other.path == each.path and other.covers.get(node_of(stamp), b"") >= stamp
            for _, other in writes
        )
    ]
    for stamp, each in sorted(alive, key=lambda pair: pair[0]):
        if stamp == max(s for s, o in alive if o.path == each.path):
            place(shown, each.path, each.value if each.present else None)


def place(shown: dict[str, object], path: Path, value: object) -> None:
    """Put a value into the tree, or take away what is there (None); never makes a map to take away from."""
    at: dict[str, object] = shown
    for name in ("", *path[:-1]):
        below = at.get(name)
        if not isinstance(below, dict):
            if value is None:
                return
            at[name] = below = {}
        at = below
    if value is None:
        at.pop(path[-1], None)
    else:
        at[path[-1]] = value
