"""Downwards a snapshot replaces, upwards it is joined; own pending changes are never lost by either."""

from __future__ import annotations

import copy

import msgspec

from skerry.sync.change import Change
from skerry.sync.clock import Stamp, stamp_of
from skerry.sync.log import Head, LogName
from skerry.sync.merge import write
from skerry.sync.merge.record import Record, apply
from skerry.sync.merge.view import view
from skerry.sync.snapshot import Cover, Key, absorb, begin_at, rebuild, replace

NAME = LogName("state", "p", b"maker", 1)


def at(ms: int, node: int = 1) -> Stamp:
    return stamp_of(ms << 16, bytes([node]) * 8)


def put(ms: int, key: str, value: object) -> Change:
    return Change(at(ms), "s", key, [write.put(None, value)])


def assign(ms: int, key: str, name: str, value: object) -> Change:
    return Change(at(ms, 2), "s", key, [write.assign(None, (name,), value)])


def shown(record: Record | None) -> object:
    found = view(record, 0) if record is not None else None
    return None if found is None else found.value


def test_what_everybody_else_has_forgotten_goes() -> None:
    mine: list[Key] = [("s", "zombie"), ("s", "kept"), ("s", "mine")]
    theirs = [
        (("s", "kept"), rebuild(None, [put(1, "kept", {"a": 1})])),
        (("s", "new"), rebuild(None, [put(2, "new", {"a": 2})])),
    ]
    pending = [assign(3, "kept", "b", 3), put(4, "mine", {"c": 4}), assign(5, "mine", "d", 5)]
    found = {key[1]: record for key, record in replace(mine, theirs, pending)}
    assert {key: shown(record) for key, record in found.items()} == {
        "zombie": None,
        "kept": {"a": 1, "b": 3},
        "new": {"a": 2},
        "mine": {"c": 4, "d": 5},
    }
    assert found["zombie"] is None


def test_a_record_is_built_again_without_touching_what_it_was() -> None:
    base = rebuild(None, [put(1, "k", {"a": 1}), assign(2, "k", "b", 2)])
    apply(base, Change(at(3), "s", "k", [write.include(("t",), 1)]))
    before = copy.deepcopy(base)
    after = [
        Change(at(4), "s", "k", [write.include(("t",), 2), write.exclude(base, ("t",), 1)]),
        Change(at(5), "s", "k", [write.add(base, ("n",), 1, at(5))]),
    ]
    rebuilt = rebuild(base, after)
    assert base == before
    assert shown(rebuilt) == {"a": 1, "b": 2, "t": [2], "n": 1}


def test_a_hub_that_knows_less_joins() -> None:
    hub = {("s", "a"): rebuild(None, [put(9, "a", "newer")])}
    theirs = [
        (("s", "a"), rebuild(None, [put(1, "a", "older")])),
        (("s", "b"), rebuild(None, [put(1, "b", "lost")])),
    ]
    found = {key[1]: shown(record) for key, record in absorb(theirs, hub.get)}
    assert found == {"a": "newer", "b": "lost"}


def test_a_log_that_is_known_by_its_effect_begins_where_the_snapshot_ends() -> None:
    log = begin_at(NAME, Head(7, b"h"))
    assert (log.floor, log.head) == (Head(7, b"h"), Head(7, b"h"))


def test_a_cover_survives_the_wire() -> None:
    cover = Cover("p", 3, b"epoch", {NAME: Head(7, b"h")}, at(1))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(cover), type=Cover) == cover
