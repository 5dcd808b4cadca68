from __future__ import annotations

import pytest

from skerry.readers.terraform.parse import parse_expression
from skerry.readers.terraform.syntax import Source
from skerry.readers.terraform.types import convert
from skerry.readers.terraform.value import Wrong


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        ("string", 1, "1"),
        ("number", "2", 2),
        ("bool", "true", True),
        ("any", [1, "a"], [1, "a"]),
        ("list(string)", [1, True], ["1", "true"]),
        ("list", ["a"], ["a"]),
        ('"string"', 5, "5"),
        ("set(number)", ["2", 1, 2], [1, 2]),
        ("map(string)", {"b": 1, "a": "x"}, {"a": "x", "b": "1"}),
        ("tuple([string, number])", [1, "2"], ["1", 2]),
        ("object({ a = string })", {"a": 1, "z": 2}, {"a": "1"}),
        ("object({ a = optional(number, 80), b = optional(string) })", {}, {"a": 80, "b": None}),
        ('object({ a = optional(list(string), ["x"]) })', {"a": None}, {"a": ["x"]}),
        ("list(object({ a = optional(number, -1) }))", [{}], [{"a": -1}]),
        ("string", None, None),
    ],
)
def test_values_become_what_the_type_wants(wanted: str, value: object, expected: object) -> None:
    assert convert(value, parse_expression(Source("t", wanted))) == expected


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        ("number", "x"),
        ("list(string)", "a"),
        ("map(string)", []),
        ("tuple([string])", []),
        ("object({ a = string })", {}),
        ("strin", "a"),
        ("1 + 1", "a"),
        ('object({ a = optional(string, upper("x")) })', {}),
    ],
)
def test_what_does_not_fit_is_refused(wanted: str, value: object) -> None:
    with pytest.raises(Wrong):
        convert(value, parse_expression(Source("t", wanted)))
