"""Versions stay beside each other until one is written that covers them."""

from __future__ import annotations

from skerry.sync.clock import ZERO, Stamp, stamp_of
from skerry.sync.merge.siblings import Siblings, Version, cover, hide, is_empty, join, write

A, B = b"a" * 8, b"b" * 8


def at(tick: int, node: bytes = A) -> Stamp:
    return stamp_of(tick << 16, node)


def test_two_that_did_not_know_of_each_other_stay() -> None:
    siblings = Siblings()
    write(siblings, at(1), Version("one"), ZERO)
    write(siblings, at(2, B), Version("two"), ZERO)
    assert [v.value for v in siblings.versions.values()] == ["one", "two"]
    cover(siblings, {A: at(1), B: at(2, B)}, ZERO)
    write(siblings, at(3), Version("both"), ZERO)
    assert siblings.versions == {at(3): Version("both")}


def test_a_version_that_comes_after_it_was_replaced_stays_away() -> None:
    siblings = Siblings()
    cover(siblings, {A: at(2)}, ZERO)
    write(siblings, at(1), Version("late"), ZERO)
    assert siblings.versions == {}
    cover(siblings, {A: at(1)}, ZERO)  # an older cover takes nothing back
    assert siblings.covered == {A: at(2)}


def test_who_covers_a_node_s_version_covers_its_earlier_ones() -> None:
    siblings = Siblings()
    write(siblings, at(1), Version("early"), ZERO)
    write(siblings, at(1, B), Version("other"), ZERO)
    cover(siblings, {A: at(2)}, ZERO)  # of a later version, which has not come yet and need not
    assert [v.value for v in siblings.versions.values()] == ["other"]


def test_what_is_older_than_what_replaced_all_is_forgotten() -> None:
    siblings = Siblings()
    write(siblings, at(1), Version("old"), at(5))
    cover(siblings, {A: at(1)}, at(5))
    assert is_empty(siblings)
    write(siblings, at(6), Version("new"), at(5))
    cover(siblings, {B: at(6, B)}, at(5))
    hide(siblings, at(7))
    assert is_empty(siblings)


def test_copies_join() -> None:
    one, two = Siblings(), Siblings()
    write(one, at(1), Version("one"), ZERO)
    write(two, at(2, B), Version("two"), ZERO)
    cover(two, {A: at(1)}, ZERO)
    join(one, two, ZERO)
    assert one == two
