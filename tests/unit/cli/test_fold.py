"""Findings that say the same of several things."""

from __future__ import annotations

import pytest

from skerry.base.finding import Finding, Place
from skerry.cli.fold import fold


def note(name: str, where: Place | str = "x", said: str = "is old", hint: str = "") -> Finding:
    return Finding("function.runtime_other", "note", where, f"{name}: {said}", hint)


A, B, C = Place("a.tf", 3, 1), Place("a.tf", 9, 1), Place("b.tf", 2)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], []),
        ([note("p", A)], [("p: is old", "a.tf:3:1")]),
        (
            [note("p", A), note("q", B), note("r", C)],
            [("p, q, r: is old", "a.tf:3:1, 9:1, b.tf:2")],
        ),
        ([note("p", A), note("p", A)], [("p: is old", "a.tf:3:1")]),
        ([note("p", "one"), note("q", "two")], [("p, q: is old", "one, two")]),
        (
            [note("p", A), note("q", B, "is new")],
            [("p: is old", "a.tf:3:1"), ("q: is new", "a.tf:9:1")],
        ),
        ([note("p", A, hint="x"), note("q", B)], [("p: is old", "a.tf:3:1"), ("q: is old", "a.tf:9:1")]),
        # no name before the colon, but a sentence: two places are two findings
        (
            [note("the key", A), note("the host", B)],
            [("the key: is old", "a.tf:3:1"), ("the host: is old", "a.tf:9:1")],
        ),
    ],
)  # fmt: skip
def test_fold(given: list[Finding], told: list[tuple[str, str]]) -> None:
    assert [(one.message, str(one.where)) for one in fold(given)] == told


def test_the_first_of_a_group_holds_its_place() -> None:
    other = Finding("a.b", "warning", "", "something else")
    folded = fold([note("p", A), other, note("q", B)])
    assert [one.code for one in folded] == ["function.runtime_other", "a.b"]


def test_sentences_without_a_name_stay_apart() -> None:
    same = [Finding("a.b", "error", where, "no value") for where in (A, B)]
    assert fold(same) == same
