from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.base.finding import Place
from skerry.readers.terraform.value import (
    Set,
    Unknown,
    Wrong,
    as_set,
    boolean,
    kind,
    number,
    same,
    show,
    text,
    unified,
    unknown_in,
    whole,
)

UNKNOWN = Unknown("a.b.c", "a.b", "computed", Place("f"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "bool"),
        (1, "number"),
        (Decimal("1.5"), "number"),
        ("", "string"),
        ([], "list"),
        (Set(), "set"),
        ({}, "object"),
        (UNKNOWN, "unknown value"),
    ],
)
def test_kinds(value: object, expected: str) -> None:
    assert kind(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (12, "12"),
        (Decimal("12.50"), "12.5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-7"), "0.0000001"),
        ("x", "x"),
    ],
)
def test_texts(value: object, expected: str) -> None:
    assert text(value) == expected


def test_conversions_refuse() -> None:
    for convert, value in [
        (text, None),
        (text, []),
        (number, "x"),
        (number, True),
        (number, " 1"),
        (number, "1_0"),
        (number, "NaN"),
        (whole, "1.5"),
        (boolean, "yes"),
        (boolean, 1),
    ]:
        with pytest.raises(Wrong):
            convert(value)
    assert (number("1.50"), whole("3"), boolean("true")) == (Decimal("1.5"), 3, True)


def test_equality_minds_types() -> None:
    assert same(1, Decimal(1))
    assert same([1, "a"], [1, "a"])
    assert not same(1, "1")
    assert not same(True, 1)
    assert not same(Set([1]), [1])
    assert not same({"a": 1}, {"a": "1"})


def test_elements_get_one_type() -> None:
    assert unified([1, "a", True, None]) == ["1", "a", "true", None]
    assert unified([1, 2]) == [1, 2]
    assert unified([[1], "a"]) == [[1], "a"]
    with pytest.raises(Wrong):
        unified([1, True])


@given(st.lists(st.one_of(st.integers(), st.text(max_size=3))))
def test_a_set_has_no_value_twice_and_one_order(values: list[object]) -> None:
    found = as_set(values)
    assert as_set(list(reversed(values))) == found
    assert len({str(item) for item in found}) == len(found)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9
    )
)
def test_numbers_survive_their_text(value: Decimal) -> None:
    assert number(show(value)) == value
    assert "E" not in show(value)


def test_unknowns_are_found_however_deep() -> None:
    assert unknown_in([{"a": ["x", UNKNOWN]}]) is UNKNOWN
    assert unknown_in([{"a": ["x"]}]) is None
