"""Every table's words are found, each once."""

from __future__ import annotations

import pytest

from skerry.base import reasons


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("origin.unmapped", "config"),
        ("function.raised", "code"),
        ("origin-unmapped", "config"),
        ("viewer-left", "caller"),
        ("misdirected", "caller"),
    ],
)
def test_codes(word: str, kind: str) -> None:
    found = reasons.find(word)
    assert found is not None
    assert (found["code"], found["class"]) == (word, kind)
    assert found["todo"].endswith(".")


@pytest.mark.parametrize(
    ("word", "group"),
    [
        ("no-store", "refuse"),
        ("range-miss", "pass"),
        ("uri-miss", "forward"),
        ("RefreshHit", "outcome"),
    ],
)
def test_reasons(word: str, group: str) -> None:
    found = reasons.find(word)
    assert found is not None
    assert (found["reason"], found["group"]) == (word, group)


def test_no_word_means_two_things() -> None:
    names = reasons.names()
    assert len(names) == len(set(names))


def test_a_stranger() -> None:
    assert reasons.find("nonsense") is None
    assert reasons.find("") is None
