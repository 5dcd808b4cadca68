"""Under other stamps a change means the same: what it covers, what it had seen, what it counts."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from skerry.sync import change as wire
from skerry.sync.change import Add, Change, Exclude, Known, Put, Write
from skerry.sync.clock import ZERO, Stamp, millis, node_of, stamp_of, tick_of
from skerry.sync.log import Head, LogName, log_of, roll
from skerry.sync.merge import write
from skerry.sync.merge.record import Record, apply
from skerry.sync.merge.view import view
from skerry.sync.reissue import is_doubled, reissue, restamp
from tests.support import histories
from tests.support.histories import STEPS, Step

N, T, V = ("n",), ("t",), ("v",)
NOW_MS = 2_000_000
NAME = log_of("state", "p", bytes([1]) * 8)
B = bytes([2]) * 8


def shown(changes: list[Change], now_ms: int = NOW_MS) -> object:
    record = Record()
    for change in changes:
        apply(record, change)
    found = view(record, now_ms)
    return None if found is None else found.value


class Life:
    """What one node writes to one record: each operation from the record as it has it."""

    def __init__(self) -> None:
        self.record = Record()
        self.changes: list[Change] = []
        self.name = NAME

    def stamp(self) -> Stamp:
        return stamp_of((len(self.changes) + 1) * 10 << 16, self.name.node)

    def take(self, *operations: Known, stamp: Stamp | None = None) -> None:
        change = Change(stamp or self.stamp(), "s", "k", list(operations))
        apply(self.record, change)
        if stamp is None:
            self.changes.append(change)

    def add(self, delta: int) -> None:
        self.take(write.add(self.record, N, delta, self.stamp()))

    def raws(self, begin: int = 0) -> list[bytes]:
        return [wire.encode(change) for change in self.changes[begin:]]


def again(
    life: Life, common: int, known: dict[bytes, Stamp] | None = None
) -> tuple[LogName, list[Change]]:
    """Reissue all after the first `common` changes."""
    at = NAME.start.hash
    for raw in life.raws()[:common]:
        at = roll(at, raw)
    before = life.changes[common - 1].stamp if common else ZERO
    found = reissue(NAME, life.raws(common), Head(common, at), before, known or {})
    return found.name, [wire.decode(raw) for raw in found.changes]


@given(STEPS, st.integers(1, 10**9))
def test_the_same_node_s_changes_mean_the_same_later(steps: list[Step], later_ms: int) -> None:
    mine = histories.changes((1, action, where, what) for _, action, where, what in steps)
    stamps = [stamp_of(tick_of(c.stamp) + (later_ms << 16), node_of(c.stamp)) for c in mine]
    moved = [wire.decode(raw) for raw in restamp([wire.encode(c) for c in mine], stamps)]
    assert [change.stamp for change in moved] == stamps
    assert [change.born for change in moved] == [wire.birth(wire.encode(c), c) for c in mine]
    assert shown(moved, NOW_MS + later_ms) == shown(mine, NOW_MS)


def test_the_next_life_counts_only_what_it_issues_again() -> None:
    life = Life()
    for delta in (1, 10, 100):
        life.add(delta)
    name, changes = again(life, common=1)
    assert changes[0].operations == [Add(N, 10, changes[0].stamp, 10)]
    assert changes[1].operations == [Add(N, 100, changes[0].stamp, 110)]
    # beside what the other life of the node wrote after the first one
    other = Change(
        stamp_of(55 << 16, NAME.node), "s", "k", [Add(N, 1000, life.changes[0].stamp, 1001)]
    )
    assert shown([life.changes[0], other, *changes]) == {"n": 1111}
    assert name.node != NAME.node


def test_a_reset_takes_from_both_lives_what_was_seen_of_each() -> None:
    life = Life()
    life.add(1)
    life.add(10)
    life.take(write.put(life.record, {}))
    life.add(100)
    _, changes = again(life, common=1)
    other = Change(
        stamp_of(99 << 16, NAME.node), "s", "k", [Add(N, 1000, life.changes[0].stamp, 1001)]
    )
    assert shown([life.changes[0], *changes]) == {"n": 100}
    assert shown([life.changes[0], *changes, other]) == {"n": 1100}  # not seen by the reset


def test_a_removal_and_a_version_cover_both_lives() -> None:
    life = Life()
    life.take(write.include(T, "old"), write.write(None, V, "first"))
    life.take(write.include(T, "old"), write.write(life.record, V, "second"))
    life.take(write.exclude(life.record, T, "old"), write.write(life.record, V, "third"))
    _, changes = again(life, common=1)
    assert shown([life.changes[0], *changes]) == {"v": "third"}
    removal = changes[1].operations[0]
    assert isinstance(removal, Exclude)
    assert removal.covers == {
        NAME.node: life.changes[0].stamp,
        node_of(changes[0].stamp): changes[0].stamp,
    }
    _, all_of_it = again(life, common=0)
    version = all_of_it[2].operations[1]
    assert isinstance(version, Write)
    assert version.covers == {node_of(all_of_it[1].stamp): all_of_it[1].stamp}


def test_what_was_seen_of_others_and_before_the_fork_stays_as_it_is() -> None:
    life = Life()
    life.add(1)
    life.take(Add(N, 5, stamp_of(7 << 16, B), 5), stamp=stamp_of(7 << 16, B))
    life.take(write.put(life.record, {}))
    _, changes = again(life, common=1)
    assert changes[0].operations == life.changes[1].operations


def test_whoever_issues_again_makes_the_same_log() -> None:
    life = Life()
    for delta in range(5):
        life.add(delta)
    name, changes = again(life, common=2)
    shorter = Life()
    shorter.changes = life.changes[:4]
    assert again(shorter, common=2) == (name, changes[:2])
    assert again(life, common=3)[0] != name


def test_times_stay_and_births_are_remembered() -> None:
    life = Life()
    life.add(1)
    _, (change,) = again(life, common=0)
    assert millis(change.stamp) == millis(life.changes[0].stamp)
    assert change.born == wire.birth(life.raws()[0], life.changes[0])


def test_an_intent_that_the_other_life_has_sent_is_not_issued_twice() -> None:
    life = Life()
    for delta in (1, 10, 100):
        life.add(delta)
    life.take(write.include(T, "x"), write.write(None, V, "x"))
    life.take(write.exclude(life.record, T, "x"), write.write(life.record, V, "y"))
    life.take(write.put(life.record, {}))
    # a twin has sent the second and the fourth, at other times
    twins = {1: stamp_of(500 << 16, NAME.node), 3: stamp_of(501 << 16, NAME.node)}
    births = {wire.birth(life.raws()[n], life.changes[n]): s for n, s in twins.items()}
    sent = restamp([life.raws()[n] for n in twins], list(twins.values()))
    _, changes = again(life, common=1, known=births)
    assert len(changes) == 3
    everything = [life.changes[0], *map(wire.decode, sent), *changes]
    assert shown(everything[:-1]) == {"n": 111, "v": "y"}
    last = Change(stamp_of(900 << 16, B), "s", "k", changes[-1].operations)  # at a time above all
    assert shown([*everything[:-1], last]) == {}


def test_what_a_twin_has_sent_in_yet_another_life_is_not_the_old_node_s() -> None:
    life = Life()
    for delta in (1, 10, 100):
        life.add(delta)
    life.take(write.put(life.record, {}))
    twin = stamp_of(20 << 16, NAME.renewed(b"twin").node)
    born = wire.birth(life.raws()[1], life.changes[1])
    _, changes = again(life, common=1, known={born: twin})
    put = changes[-1].operations[0]
    assert isinstance(put, Put)
    seen = dict(put.seen)[N]
    assert seen[NAME.node] == (life.changes[0].stamp, 1)
    assert seen[node_of(changes[0].stamp)] == (changes[0].stamp, 100)


def test_doubles_are_seen_by_their_births() -> None:
    life = Life()
    life.add(1)
    born = wire.birth(life.raws()[0], life.changes[0])
    moved = restamp(life.raws(), [stamp_of(99 << 16, NAME.node)])
    births = [wire.birth(raw, wire.decode(raw)) for raw in moved]
    assert is_doubled(births, {born}.__contains__)
    assert not is_doubled(births, set().__contains__)


def test_what_a_newer_writer_added_is_carried_along() -> None:
    raw = msgspec.msgpack.encode(
        [stamp_of(1 << 16, NAME.node), "s", "k", [[0, 1, None, [], "more"], [99, 1]], None, "new"]
    )
    (moved,) = restamp([raw], [stamp_of(2 << 16, NAME.node)])
    assert msgspec.msgpack.decode(moved)[3] == [[0, 1, None, [], "more"], [99, 1]]
    assert msgspec.msgpack.decode(moved)[5:] == ["new"]
