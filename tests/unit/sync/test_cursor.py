"""What a session does first with each log, from how both copies stand to each other."""

from __future__ import annotations

import msgspec
import pytest

from skerry.base import tables
from skerry.sync.cursor import Cursor, Step, held_step, own_step, steps
from skerry.sync.log import Head, Log, LogName, Relation

OWN = LogName("state", "p", b"maker", 1)
OTHER = LogName("state", "p", b"other", 1)


def log(name: LogName, floor: int, head: int) -> Log:
    return Log(name, Head(floor, b"f"), Head(head, b"h"))


def test_a_cursor_stands_at_the_start_of_what_it_never_heard_of() -> None:
    cursor = Cursor(b"epoch")
    assert cursor.head(OWN) == OWN.start
    moved = cursor.moved(OWN, Head(3, b"h"))
    assert (moved.head(OWN), cursor.head(OWN)) == (Head(3, b"h"), OWN.start)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(moved), type=Cursor) == moved


@pytest.mark.parametrize(
    ("relation", "hub", "step"),
    [
        (Relation.SAME, 9, Step.LEVEL),
        (Relation.AHEAD, 5, Step.PUSH),
        (Relation.AHEAD, 3, Step.LOST),  # the hub has lost what this log no longer keeps
        (Relation.BEHIND, 12, Step.RENEW),
        (Relation.FORKED, 12, Step.REISSUE),
        (Relation.FORKED, 3, Step.REISSUE),
        (Relation.UNKNOWN, 2, Step.LOST),
        (Relation.UNKNOWN, 12, Step.REISSUE),
    ],
)
def test_own_logs(relation: Relation, hub: int, step: Step) -> None:
    assert own_step(log(OWN, 4, 9), Head(hub, b"?"), relation) is step


@pytest.mark.parametrize(
    ("relation", "hub", "hub_floor", "step"),
    [
        (Relation.SAME, 9, 0, Step.LEVEL),
        (Relation.AHEAD, 5, 0, Step.FEED),
        (Relation.AHEAD, 3, 0, Step.LOST),
        (Relation.BEHIND, 12, 9, Step.READ),
        (Relation.BEHIND, 12, 10, Step.SNAPSHOT),  # the cursor is below the hub's floor
        (Relation.FORKED, 12, 0, Step.SALVAGE),
        (Relation.UNKNOWN, 12, 10, Step.SNAPSHOT),
        (Relation.UNKNOWN, 3, 0, Step.LOST),
    ],
)
def test_others_logs(relation: Relation, hub: int, hub_floor: int, step: Step) -> None:
    assert held_step(log(OTHER, 4, 9), Head(hub, b"?"), relation, hub_floor) is step


def test_logs_that_one_side_has_never_heard_of() -> None:
    mine = {OWN: log(OWN, 0, 2)}
    theirs = {OTHER: (log(OTHER, 0, 3), Relation.BEHIND)}
    assert dict(steps(OWN, mine, theirs)) == {OWN: Step.PUSH, OTHER: Step.READ}
    assert dict(steps(OWN, {OWN: Log(OWN, OWN.start, OWN.start)}, {})) == {OWN: Step.LEVEL}
    assert dict(steps(OWN, {OTHER: log(OTHER, 0, 2)}, {})) == {OTHER: Step.FEED}


def test_the_table_has_the_same_words() -> None:
    assert set(tables.load("sync")["step"]) == set(Step)
