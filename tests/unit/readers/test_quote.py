"""How a value looks in a finding, and an expression in its place."""

from __future__ import annotations

from decimal import Decimal

import pytest

from skerry.readers import quote


@pytest.mark.parametrize(
    ("found", "expected"),
    [("a b", '"a b"'), (3, "3"), (True, "True"), (Decimal("1E+3"), "1000"), (None, "None")],
)
def test_a_value(found: object, expected: str) -> None:
    assert quote.value(found) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("var.sec", "`var.sec`"),
        ("merge(\n  var.a,\n  var.b\n)", "`merge( var.a, var.b )`"),
        ("", "`(not shown)`"),
        ("x" * 200, "`" + "x" * 79 + "…`"),
    ],
)
def test_an_expression_on_one_line(written: str, expected: str) -> None:
    assert quote.expression(written) == expected
