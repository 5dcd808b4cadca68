"""Templates: how they are cut. What they yield is compared with Terraform in test_against_terraform."""

from __future__ import annotations

import pytest

from skerry.readers.terraform.parse import parse_expression, parse_template
from skerry.readers.terraform.syntax import (
    Literal,
    Source,
    SyntaxFault,
    TemplateFor,
    TemplateIf,
    Variable,
)


def test_a_hole_alone_is_no_text() -> None:
    found = parse_template(Source("t", "${x}"))
    assert found.parts == (Variable(2, "x"),)


def test_directives_nest() -> None:
    found = parse_template(
        Source("t", "%{ for k, v in m }%{ if v }a%{ else }b%{ endif }%{ endfor }")
    )
    loop = found.parts[0]
    assert isinstance(loop, TemplateFor)
    assert (loop.key, loop.value) == ("k", "v")
    choice = loop.body.parts[0]
    assert isinstance(choice, TemplateIf)
    assert choice.otherwise.parts[0] == Literal(37, "b")


@pytest.mark.parametrize(
    "text", ["%{ if x }", "%{ for x in y }", "%{ else }", "${", "%{ what }", "%{ if x }%{ endfor }"]
)
def test_directives_that_do_not_match(text: str) -> None:
    with pytest.raises(SyntaxFault):
        parse_template(Source("t", text))


def test_indentation_goes_before_holes_are_filled() -> None:
    found = parse_expression(Source("t", "<<-EOT\n    a ${x}\n      b\n  EOT\n"))
    assert [part.value for part in found.parts if isinstance(part, Literal)] == [
        "a ",
        "\n",
        "  b\n",
    ]  # type: ignore[attr-defined]  # a heredoc is a template
