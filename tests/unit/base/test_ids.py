"""Ids: the same chance gives the same id."""

from __future__ import annotations

from random import Random, SystemRandom

from skerry.base import ids


def test_short() -> None:
    assert ids.short(Random(1)) == ids.short(Random(1))
    assert len(ids.short(Random(1), 12)) == 12
    assert set(ids.short(Random(2), 1000)) == set(ids.ALPHABET)
    assert not set(ids.ALPHABET) & set("ilou")


def test_token() -> None:
    assert len(ids.token(SystemRandom())) == 64
    assert ids.token(SystemRandom()) != ids.token(SystemRandom())
