"""Sets: an addition that the remover had not seen stays."""

from __future__ import annotations

from skerry.sync.clock import ZERO, Stamp, stamp_of
from skerry.sync.merge.members import Element, Members, exclude, hide, include, join, present

A, B = b"a" * 8, b"b" * 8


def at(tick: int, node: bytes = A) -> Stamp:
    return stamp_of(tick << 16, node)


def test_an_addition_that_the_remover_had_not_seen_stays() -> None:
    members: Members = {}
    include(members, b"x", at(1), ZERO)
    include(members, b"x", at(1, B), ZERO)
    exclude(members, b"x", {A: at(1)}, ZERO)
    assert present(members, ZERO) == [b"x"]
    exclude(members, b"x", {B: at(1, B)}, ZERO)
    assert present(members, ZERO) == []


def test_a_removal_that_comes_first_is_remembered() -> None:
    members: Members = {}
    exclude(members, b"x", {A: at(2)}, ZERO)
    include(members, b"x", at(1), ZERO)
    assert present(members, ZERO) == []
    include(members, b"x", at(3), ZERO)
    assert present(members, ZERO) == [b"x"]


def test_what_is_older_than_what_replaced_it_leaves_nothing_behind() -> None:
    members: Members = {}
    include(members, b"x", at(1), at(5))
    exclude(members, b"x", {A: at(1)}, at(5))
    assert members == {}
    include(members, b"x", at(6), at(5))
    exclude(members, b"y", {A: at(6)}, at(5))
    hide(members, at(7))
    assert members == {}


def test_a_late_older_addition_changes_nothing() -> None:
    members: Members = {}
    include(members, b"x", at(3), ZERO)
    include(members, b"x", at(1), ZERO)
    assert members == {b"x": Element({A: at(3)}, {})}


def test_elements_come_in_the_order_of_their_bytes_and_join() -> None:
    one: Members = {}
    two: Members = {}
    include(one, b"b", at(1), ZERO)
    include(two, b"a", at(1, B), ZERO)
    exclude(two, b"b", {A: at(1)}, ZERO)
    include(one, b"c", at(2), ZERO)
    join(one, two, ZERO)
    assert present(one, ZERO) == [b"a", b"c"]
    assert present(one, at(2)) == [b"c"]
