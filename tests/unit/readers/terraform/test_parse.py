"""HCL's syntax: what is read, and what is said of what cannot be."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.readers.terraform.parse import parse, parse_expression
from skerry.readers.terraform.syntax import (
    Binary,
    Conditional,
    Literal,
    Source,
    SyntaxFault,
    Template,
    Variable,
)


def faults(text: str) -> list[str]:
    source = Source("f", text)
    return [f"{source.place(one.at)}: {one.message}" for one in parse(source)[1]]


FAULTS = [
    ("a =\nb = 2\n", ["f:1:4: expected a value, but the line ends"]),
    (
        'r "x" "y" {\n  b = [1, 2\n  c = 3\n}\n',
        [
            "f:3:3: expected `,` or `]` to go on with the list that line 2 opens, but `c` stands here"
        ],
    ),
    (
        'r "x" {\n a = foo(\n}\ns "z" {\n  b == 3\n}\n',
        [
            "f:3:1: expected a value, but `}` stands here",
            "f:5:5: expected one `=` after `b`, but `==` stands here",
        ],
    ),
    ('a = "abc\nb = 1\n', ["f:1:5: this string is not closed on its line"]),
    (
        "x {\n a = 1\n",
        ["f:3:1: expected `}` to close the block `x` that line 1 opens, but the file ends"],
    ),
    ("a = 1 b = 2\n", ["f:1:7: expected the end of the line, but `b` stands here"]),
    ("a : 1\n", ["f:1:3: expected `=` or `{` after `a`, but `:` stands here"]),
    ("a = 1\n}\nb = 2\n", ["f:2:1: this `}` closes nothing"]),
    ("a = 1\na = 2\n", ["f:2:1: `a` is set twice"]),
    ("a = 'x'\n", ["f:1:5: expected a value, but `'` stands here"]),
    ("a = <<EOT\nx\n", ["f:1:5: this heredoc is never closed: no line holds `EOT` alone"]),
    ('a = "${x"\n', ["f:1:9: expected `}` to close `${`, but a string starts"]),
    ('a = "%{ if x }y"\n', ["f:1:6: `%{ if }` without `%{ endif }`"]),
    ('a = "%{ endfor }"\n', ["f:1:6: `%{ endfor }` without its beginning"]),
    ('a = "\\q"\n', ["f:1:6: `\\q` is no escape"]),
    (
        "a = x ? 1\n",
        [
            "f:1:10: expected `:` and what holds otherwise (`condition ? one : other`), but the line ends"
        ],
    ),
    (
        "a = {\n  b = 1 c = 2\n}\n",
        [
            "f:2:9: expected `,`, a new line or `}` in the object that line 1 opens, but `c` stands here",
            "f:3:1: this `}` closes nothing",
        ],
    ),
    (
        "a = [for x : y]\n",
        ["f:1:12: expected `in` and what to go through (`for item in list`), but `:` stands here"],
    ),
    ("a = x.\n", ["f:1:7: expected an attribute's name after `.`, but the line ends"]),
    ('b "${x}" {}\n', ["f:1:3: a block's label cannot contain ${…}"]),
    ('a = "x', ["f:1:5: this string is never closed"]),
]


@pytest.mark.parametrize(("text", "expected"), FAULTS)
def test_faults_say_what_was_expected_where(text: str, expected: list[str]) -> None:
    assert faults(text) == expected


def test_what_follows_a_fault_is_read() -> None:
    body, found = parse(Source("f", "a = [1,\nb = 2\nc {\n  d = (\n  e = 5\n}\nf = 6\n"))
    assert len(found) == 2
    assert "f" in body.attributes
    assert "e" in body.blocks[0].body.attributes


def test_another_language_does_not_print_a_screen() -> None:
    assert len(faults("import os\n" * 500)) <= 20


def test_a_chain_of_conditions_reads_from_the_right() -> None:
    found = parse_expression(Source("f", "a ? 1 : b ? 2 : 3"))
    assert isinstance(found, Conditional)
    assert isinstance(found.condition, Variable)
    assert isinstance(found.otherwise, Conditional)


def test_operators_bind_as_terraform_has_them() -> None:
    found = parse_expression(Source("f", "a || b && c == d + e * -f"))
    shown = []
    while isinstance(found, Binary):
        shown.append(found.operator)
        found = found.right
    assert shown == ["||", "&&", "==", "+", "*"]


@pytest.mark.parametrize(
    "text",
    [
        "a=1\n",
        "\ufeffa = 1\n",
        "a = 1 # c\n",
        "a = 1 // c\nb = 2 /* c\nc */\n",
        "a = [\n  1,\n  # c\n  2,\n]\n",
        "a = {\n  b = 1, c = 2\n\n  d : 3 }\n",
        "b {}\n",
        "b { c = 1 }\n",
        "b l m { }\n",
        "a = f(\n  1,\n  x...\n)\n",
        "a = (\n  1\n  + 2\n)\n",
        "a = x[0].y[*].z.*.w[1]\n",
        "a = provider::aws::arn_parse(x)\n",
        "a = {\n  for k, v in m :\n  k => v\n  if v != null\n}\n",
        "a = <<-EOT\n  ${x}\n  EOT\nb = 1\n",
        "a = 1\r\nb {\r\n}\r\n",
        'a = "${"${x}"}"\n',
        "a = x ? y : z\n",
        "a = 1",
    ],
)
def test_this_is_hcl(text: str) -> None:
    assert faults(text) == []


def test_strings() -> None:
    found = parse_expression(Source("f", r'"a\n$${b} %%{c} \u00e9"'))
    assert found == Literal(0, "a\n${b} %{c} é")
    assert isinstance(parse_expression(Source("f", '"a${b}"')), Template)


@given(st.text(alphabet='ab={}[]()"$%\n,.:? <-EOT1#/*\\', max_size=60))
def test_nothing_breaks_the_parser(text: str) -> None:
    source = Source("f", text)
    _, found = parse(source)
    for one in found:
        assert source.place(one.at).line <= text.count("\n") + 1
    with contextlib.suppress(SyntaxFault):
        parse_expression(source)
