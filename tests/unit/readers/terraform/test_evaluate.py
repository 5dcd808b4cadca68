"""Unknowns and places; what values come out is compared with Terraform in test_against_terraform."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.readers.terraform.evaluate import Evaluator, Fault
from skerry.readers.terraform.parse import parse_expression
from skerry.readers.terraform.syntax import Source
from skerry.readers.terraform.trace import Trace
from skerry.readers.terraform.value import Namespace, Unknown, Wrong


class Names:
    """`u` is unknown, `ns` has attributes, nothing else is there."""

    folder = Path()
    trace = Trace()

    def name(self, name: str, place: Place) -> object:
        if name == "u":
            return Unknown("u", "u", "computed", place)
        if name == "ns":
            return Namespace("ns", lambda key, _: f"<{key}>")
        raise Wrong(f"nothing is named {name}")

    def read(self, path: Path) -> bytes:
        raise Wrong("no files here")


def value(text: str) -> object:
    source = Source("f", text)
    return Evaluator(Names(), source).value(parse_expression(source))


@pytest.mark.parametrize(
    "text",
    [
        '"a-${u}"',
        "u + 1",
        "!u",
        "u ? 1 : 2",
        "u.x[0].y",
        "u[*].z",
        "[for x in u : x]",
        "[1, 2][u]",
        "{ (u) = 1 }",
        'join(",", [u])',
        "upper(u)",
        "try(u.x, 1)",
        "{ for k in [1] : u => k }",
        '"%{ if u }a%{ endif }"',
        '"%{ for x in u }a%{ endfor }"',
        "can(u)",
        "coalesce(u, 1)",
        'yamldecode("a")',
        "timestamp()",
    ],
)
def test_unknowns_flow_through(text: str) -> None:
    assert isinstance(value(text), Unknown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true || u == 1", True),
        ("false && u == 1", False),
        ("length([u])", 1),
        ("[u, 2][1]", 2),
        ('lookup({ a = u, b = 2 }, "b")', 2),
        ("coalesce(null, 3)", 3),
        ("{ a = u, b = 1 }.b", 1),
        ("try(nope, 4)", 4),
        ("can(nope)", False),
    ],
)
def test_what_does_not_depend_on_the_unknown_is_known(text: str, expected: object) -> None:
    assert value(text) == expected


def test_references_grow() -> None:
    found = value('u.a["b"][0].c')
    assert isinstance(found, Unknown)
    assert (found.reference, found.root) == ('u.a["b"][0].c', "u")


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("1 + nope", 5, "nothing is named nope"),
        ('[1, "a" * 2]', 5, 'a number is required, "a" is none'),
        ("{ a = 1 }.b", 10, 'the object has no attribute "b"'),
        ("upper(1, 2)", 1, "upper() takes 1 argument, not 2"),
        ("frobnicate(1)", 1, "there is no function frobnicate()"),
        ("ns", 1, "`ns` is no value by itself"),
        ("[1].a", 4, "a list has no attribute `a`"),
        ('toset(["a"])[0]', 13, "the elements of a set have no indices"),
    ],
)
def test_faults_stand_where_they_are(text: str, column: int, message: str) -> None:
    with pytest.raises(Fault) as caught:
        value(text)
    assert (caught.value.place.column, caught.value.message) == (column, message)


def test_namespaces_have_attributes() -> None:
    assert value("ns.a") == "<a>"
    assert value('ns["a-b"]') == "<a-b>"
