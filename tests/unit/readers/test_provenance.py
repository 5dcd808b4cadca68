"""Whether a variable had a part in a plan's value: by name, behind another resource, behind two, in a module."""

from __future__ import annotations

import pytest

from skerry.readers.provenance import Provenance


def refers(*names: str) -> dict[str, object]:
    return {"references": list(names)}


def row(prefix: str = "", **expressions: object) -> dict[str, object]:
    return {"expressions": expressions, "prefix": prefix}


CONFIGURED = {
    "aws_s3_bucket.named": row(bucket=refers("var.name"), force_destroy={"constant_value": True}),
    "aws_s3_bucket.plain": row(bucket={"constant_value": "b"}),
    "aws_s3_bucket.filed": row(bucket={}),
    "aws_s3_object.next": row(bucket=refers("aws_s3_bucket.named.bucket", "aws_s3_bucket.named")),
    "data.aws_s3_bucket.found": row(bucket=refers("var.name")),
    "aws_x.blocks": row(origin=[{"name": {"constant_value": "o"}, "value": refers("var.name")}]),
    "aws_x.one": row(a=refers("aws_x.other.b"), c={"constant_value": 1}),
    "aws_x.other": row(b=refers("aws_x.one.a")),
    "module.site.aws_s3_bucket.inner": row("module.site.", bucket=refers("var.name")),
    "aws_x.bare": {"expressions": None, "prefix": ""},
}


@pytest.mark.parametrize(
    "reference",
    [
        "var.name",
        "local.name",
        "each.value",
        "module.site.bucket",
        "aws_s3_bucket.named.bucket",
        "aws_s3_bucket.named.arn",
        "aws_s3_bucket.named",
        "aws_s3_bucket.named[0].arn",
        "aws_s3_bucket.filed.arn",
        "aws_s3_object.next.bucket",
        "data.aws_s3_bucket.found.arn",
        "aws_x.blocks.origin",
        "aws_x.blocks.origin[0].value",
    ],
)
def test_a_variable_had_a_part(reference: str) -> None:
    found = Provenance(CONFIGURED)
    assert found.variable_in(refers("aws_s3_bucket.plain", reference), "") == reference


@pytest.mark.parametrize(
    "reference",
    [
        "aws_s3_bucket.plain.bucket",
        "aws_s3_bucket.plain.arn",
        "aws_s3_bucket.named.force_destroy",
        "aws_s3_bucket.inner.bucket",
        "aws_x.one.a",
        "aws_x.bare.a",
        "path.module",
        "aws_x",
    ],
)
def test_none_had(reference: str) -> None:
    assert Provenance(CONFIGURED).variable_in(refers(reference), "") == ""


def test_names_are_those_of_the_module() -> None:
    inner = refers("aws_s3_bucket.inner.arn")
    assert Provenance(CONFIGURED).variable_in(inner, "module.site.") == "aws_s3_bucket.inner.arn"


def test_what_names_nothing_may_have_read_a_file() -> None:
    found = Provenance({})
    assert found.variable_in({}, "") == "an expression"
    assert found.variable_in({"constant_value": "x"}, "") == ""
    assert found.variable_in(None, "") == ""
