"""Appending: what follows is taken, what came before is a duplicate, another life's is a fork."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from skerry.base import tables
from skerry.sync.log import (
    BATCH_BYTES_MAX,
    BATCH_CHANGES_MAX,
    HASH_BYTES,
    Answer,
    Batch,
    Head,
    Log,
    LogName,
    Relation,
    agreed,
    append,
    compare,
    empty,
    envelope,
    extend,
    fork_point,
    log_of,
    roll,
    sealed,
    trim,
)

NAME = LogName("state", "p", b"maker", 1)
CHANGES = st.lists(st.binary(max_size=4), max_size=12)


class Copy:
    """A log with its bytes, as a store would keep it."""

    def __init__(self, changes: list[bytes] | None = None) -> None:
        self.log = empty(NAME)
        self.changes: list[bytes] = []
        self.hashes = [NAME.start.hash]
        self.take(sealed(NAME, NAME.start, changes or []))

    def hash_at(self, position: int) -> bytes | None:
        return self.hashes[position] if position < len(self.hashes) else None

    def head(self, position: int) -> Head:
        return Head(position, self.hashes[position])

    def batch(self, begin: int, end: int) -> Batch:
        return Batch(NAME, self.head(begin), self.changes[begin:end], self.hashes[end])

    def take(self, batch: Batch) -> Answer:
        found = append(self.log, batch, self.hash_at)
        if found.answer is Answer.ACCEPT:
            self.changes += batch.changes[found.skip :]
            self.hashes += found.hashes[found.skip :]
            self.log = found.log
        return found.answer


class Feeding(RuleBasedStateMachine):
    """A log grows at its origin, and pieces of it reach a copy in any order, again and again, or never."""

    def __init__(self) -> None:
        super().__init__()
        self.origin = Copy()
        self.copy = Copy()

    @rule(changes=CHANGES)
    def write(self, changes: list[bytes]) -> None:
        """The origin writes."""
        self.origin.take(sealed(NAME, self.origin.log.head, changes))

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        """Any piece of the origin's log."""
        end = data.draw(st.integers(0, self.origin.log.head.position))
        begin = data.draw(st.integers(0, end))
        here = self.copy.log.head.position
        answer = self.copy.take(self.origin.batch(begin, end))
        if begin > here:
            assert answer is Answer.GAP
        elif end <= here:
            assert answer is Answer.DUPLICATE
        else:
            assert answer is Answer.ACCEPT

    @precondition(lambda self: self.copy.log.head.position > 0)
    @rule(data=st.data())
    def lose_the_tail(self, data: st.DataObject) -> None:
        """The copy's disk forgets."""
        keep = data.draw(st.integers(0, self.copy.log.head.position))
        self.copy = Copy(self.copy.changes[:keep])

    @precondition(lambda self: self.origin.log.head.position > 0)
    @rule(data=st.data())
    def write_another_life(self, data: st.DataObject) -> None:
        """A clone of the origin writes something else at a position that the copy has."""
        here = self.copy.log.head.position
        begin = data.draw(st.integers(0, here))
        other = Copy(self.origin.changes[:begin])
        other.take(sealed(NAME, other.log.head, [b"another", b"life"]))
        before = self.copy.log
        answer = self.copy.take(other.batch(begin, begin + 2))
        assert answer is (Answer.FORK if begin < here else Answer.ACCEPT)
        if begin < here:
            assert self.copy.log == before
        else:  # it came first: the origin's own is the fork now, so start anew
            self.copy = Copy(self.origin.changes[:here])

    @invariant()
    def the_copy_is_a_beginning(self) -> None:
        """Equal heads are equal logs."""
        assert self.copy.changes == self.origin.changes[: len(self.copy.changes)]
        relation = compare(self.origin.log, self.copy.log.head, self.origin.hash_at)
        assert relation in (Relation.SAME, Relation.AHEAD)
        assert (relation is Relation.SAME) == (self.copy.log.head == self.origin.log.head)


Feeding.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestFeeding = Feeding.TestCase


def test_names_tell_apart_and_come_back_from_stamps() -> None:
    assert log_of("state", "p", NAME.node) == NAME
    starts = {
        NAME.start,
        NAME._replace(lane="bulk").start,
        NAME._replace(partition="q").start,
        NAME._replace(incarnation=2).start,
        LogName("state", "p", b"other", 1).start,
    }
    assert len(starts) == 5
    assert NAME.renewed(b"seed") == NAME.renewed(b"seed")
    assert NAME.renewed(b"seed") != NAME.renewed(b"other")
    assert NAME.renewed(b"seed").origin == NAME.origin


def test_a_hash_stands_for_all_before_it() -> None:
    copy = Copy([b"a", b"b"])
    assert copy.hashes == [NAME.start.hash, roll(NAME.start.hash, b"a"), copy.log.head.hash]
    assert copy.log.head.hash == roll(roll(NAME.start.hash, b"a"), b"b")
    assert len(copy.log.head.hash) == HASH_BYTES
    assert Copy([b"b", b"a"]).log.head.hash != copy.log.head.hash


@given(CHANGES, CHANGES)
def test_what_the_origin_writes_is_what_a_reader_takes(one: list[bytes], two: list[bytes]) -> None:
    origin, hashes = extend(empty(NAME), one)
    origin, more = extend(origin, two)
    copy = Copy(one + two)
    assert (origin, [NAME.start.hash, *hashes, *more]) == (copy.log, copy.hashes)


def test_an_envelope_is_bounded_and_never_empty() -> None:
    assert envelope([]) == []
    assert len(envelope(iter([b"x"] * 1_000))) == BATCH_CHANGES_MAX
    half = bytes(BATCH_BYTES_MAX // 2)
    assert envelope([half, half, b"x"]) == [half, half]
    assert envelope([bytes(BATCH_BYTES_MAX + 1), b"x"]) == [bytes(BATCH_BYTES_MAX + 1)]
    assert envelope([b"x", bytes(BATCH_BYTES_MAX)]) == [b"x"]


def test_a_batch_survives_the_wire() -> None:
    batch = Copy([b"a", b"b"]).batch(1, 2)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(batch), type=Batch) == batch


@given(st.data())
def test_a_flipped_bit_is_seen(data: st.DataObject) -> None:
    origin, copy = Copy([b"abc", b"def", b"ghi"]), Copy()
    batch = origin.batch(0, 3)
    which, where = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 23))
    flipped = int.from_bytes(batch.changes[which], "big") ^ 1 << where
    batch.changes[which] = flipped.to_bytes(3, "big")
    assert copy.take(batch) is Answer.DAMAGED
    assert copy.log == empty(NAME)


def test_a_batch_that_overlaps_is_taken_from_where_it_is_new() -> None:
    origin, copy = Copy([b"a", b"b", b"c"]), Copy([b"a", b"b"])
    found = append(copy.log, origin.batch(1, 3), copy.hash_at)
    assert (found.answer, found.skip, found.log.head) == (Answer.ACCEPT, 1, origin.log.head)


def test_a_fork_before_the_batch_is_seen() -> None:
    copy, other = Copy([b"a", b"b", b"c"]), Copy([b"a", b"x"])
    other.take(sealed(NAME, other.log.head, [b"c"]))
    assert copy.take(other.batch(2, 3)) is Answer.FORK
    other.take(sealed(NAME, other.log.head, [b"d"]))
    assert (
        copy.take(other.batch(3, 4)) is Answer.FORK
    )  # nothing overlaps, but it follows another head


def test_an_empty_batch_changes_nothing() -> None:
    copy = Copy([b"a"])
    assert copy.take(copy.batch(1, 1)) is Answer.DUPLICATE
    assert copy.take(copy.batch(0, 0)) is Answer.DUPLICATE
    ahead = sealed(NAME, Head(9, b"?" * 16), [])
    assert append(copy.log, ahead, copy.hash_at, gaps=True).answer is Answer.GAP


def test_a_stream_goes_on_over_a_gap_and_writes_it_down() -> None:
    origin, copy = Copy([b"a", b"b", b"c", b"d"]), Copy([b"a"])
    found = append(copy.log, origin.batch(3, 4), copy.hash_at, gaps=True)
    assert (found.answer, found.log.head) == (Answer.ACCEPT, origin.log.head)
    assert found.log.gaps == ((2, 3),)
    assert trim(found.log, origin.log.head).gaps == ()


def test_below_the_floor_hashes_still_tell_and_without_them_nothing_is_claimed() -> None:
    copy = Copy([b"a", b"b", b"c", b"d"])
    copy.log = trim(copy.log, copy.head(3))
    assert copy.take(copy.batch(0, 2)) is Answer.DUPLICATE
    assert append(copy.log, copy.batch(0, 2), lambda _: None).answer is Answer.BELOW_FLOOR
    whole = append(copy.log, copy.batch(1, 4), lambda _: None)
    assert whole.answer is Answer.DUPLICATE  # its end is the head, which vouches for the rest
    at_floor = append(copy.log, copy.batch(1, 3), lambda _: None)
    assert at_floor.answer is Answer.DUPLICATE


def test_a_floor_never_sinks_and_never_passes_the_head() -> None:
    copy = Copy([b"a", b"b", b"c"])
    risen = trim(copy.log, copy.head(2))
    assert risen.floor == copy.head(2)
    assert trim(risen, copy.head(1)) == risen
    assert trim(risen, Head(4, b"?")) == risen


@given(CHANGES, CHANGES, CHANGES)
def test_two_copies_agree_on_how_they_stand(
    common: list[bytes], one: list[bytes], two: list[bytes]
) -> None:
    mine, theirs = Copy(common + one), Copy(common + two)
    relations = [
        agreed(
            compare(a.log, b.log.head, a.hash_at),
            compare(b.log, a.log.head, b.hash_at),
        )
        for a, b in ((mine, theirs), (theirs, mine))
    ]
    a, b = mine.changes, theirs.changes
    if a == b:
        assert relations == [Relation.SAME, Relation.SAME]
    elif a == b[: len(a)]:
        assert relations == [Relation.BEHIND, Relation.AHEAD]
    elif b == a[: len(b)]:
        assert relations == [Relation.AHEAD, Relation.BEHIND]
    else:
        assert relations == [Relation.FORKED, Relation.FORKED]
        at = fork_point(0, min(len(a), len(b)), lambda p: mine.hashes[p] == theirs.hashes[p])
        first = next((p for p, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
        assert at == first


def test_a_copy_that_cannot_compare_says_so() -> None:
    copy = Copy([b"a", b"b", b"c"])
    copy.log = trim(copy.log, copy.head(2))
    assert compare(copy.log, copy.head(1), lambda _: None) is Relation.UNKNOWN
    assert agreed(Relation.BEHIND, Relation.UNKNOWN) is Relation.UNKNOWN
    assert compare(Log(NAME, NAME.start, copy.log.head), NAME.start, lambda _: None) is (
        Relation.AHEAD
    )


def test_the_table_has_the_same_words() -> None:
    assert set(tables.load("sync")["append"]) == set(Answer)
    assert set(tables.load("sync")["relation"]) == set(Relation)
