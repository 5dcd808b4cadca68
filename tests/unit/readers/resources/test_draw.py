from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.readers.report import Report
from skerry.readers.resources.draw import Draw, unresolved
from skerry.readers.resources.shape import Shape
from skerry.readers.terraform.value import Unknown


def draw(value: object) -> Draw:
    return Draw(
        Shape("k.origin", Place("f", 1), {"a": value}, {"a": Place("f", 2)}), Report(Path())
    )


def said(found: Draw) -> list[str]:
    return [f"{one.where} {one.message}" for one in found.report.findings]


def test_what_fits_is_taken() -> None:
    assert draw(80).text("a") == "80"
    assert draw("5").number("a", 1, 0, 9) == 5
    assert draw("true").flag("a")
    assert draw(["x", 1]).texts("a") == ("x", "1")
    for nothing in (None, ""):
        assert draw(nothing).text("a", "default") == "default"
        assert draw(nothing).number("a", 3, 0, 9) == 3
    assert draw(None).texts("a") == ()
    assert draw(None).flag("a", True)


@pytest.mark.parametrize(
    ("take", "value", "message"),
    [
        (lambda d: d.text("a"), [], "a: a string is required, this is a list"),
        (lambda d: d.text("a", choices=("x", "y")), "z", 'a: "z" is not among x, y'),
        (lambda d: d.number("a", 1, 0, 9), 10, "a: 10 is not within 0 to 9"),
        (lambda d: d.number("a", 1, 0, 9), "1.5", "a: 1.5 is not within 0 to 9"),
        (lambda d: d.number("a", 1, 0, 9), "x", 'a: a number is required, "x" is none'),
        (lambda d: d.flag("a"), "yes", "a: true or false is required, this is a string"),
        (lambda d: d.texts("a"), "x", "a: a list is required"),
        (lambda d: d.texts("a"), [[]], "a: a string is required, this is a list"),
    ],
)
def test_what_does_not_fit_is_said(take: object, value: object, message: str) -> None:
    found = draw(value)
    take(found)  # type: ignore[operator]  # a lambda of the table
    assert said(found) == [f"f:2 {message}"]


def test_what_is_needed() -> None:
    found = draw(None)
    assert found.need("a") == ""
    assert said(found) == ["f:1 origin needs `a`"]


@pytest.mark.parametrize(
    ("why", "message", "level", "expected"),
    [
        (
            "computed",
            "",
            "error",
            [
                "error terraform.unresolved_reference: aws_lb.x.dns is known only after an apply; then"
            ],
        ),
        (
            "undeclared",
            "",
            "warning",
            ["warning terraform.unresolved_reference: aws_lb.x.dns is declared nowhere; then"],
        ),
        (
            "no_value",
            "the variable x has no value",
            "error",
            ["error terraform.no_value: the variable x has no value; then"],
        ),
        ("failed", "", "error", []),
        ("failed", "no folder", "error", ["error terraform.failed: no folder; then"]),
    ],
)
def test_the_one_finding_about_an_unknown(
    why: str, message: str, level: str, expected: list[str]
) -> None:
    report = Report(Path())
    unknown = Unknown("aws_lb.x.dns", "aws_lb.x", why, Place("f", 1), message)  # type: ignore[arg-type]  # rows
    for _ in range(2):
        unresolved(report, unknown, level, "then")  # type: ignore[arg-type]  # rows
    assert [f"{one.level} {one.code}: {one.message}" for one in report.findings] == expected


def test_variables_without_a_value_are_wanted() -> None:
    report = Report(Path())
    unresolved(report, Unknown("var.x", "var.x", "no_value", Place("f"), "m"), "error")
    assert report.wanted("variable") == ["x"]
