from __future__ import annotations

from pathlib import Path

import pytest

from skerry.readers.report import Report
from skerry.readers.terraform.attributes import instances
from skerry.readers.terraform.modules import Module
from skerry.readers.terraform.value import Unknown, Wrong, as_set


def test_keys_of_count_and_for_each() -> None:
    assert instances("count", 2) == (
        "list",
        [(0, "[0]", {"count": {"index": 0}}), (1, "[1]", {"count": {"index": 1}})],
    )
    assert instances("for_each", {"a": 1}) == (
        "map",
        [("a", '["a"]', {"each": {"key": "a", "value": 1}})],
    )
    assert instances("for_each", as_set(["b"]))[1][0][0] == "b"


@pytest.mark.parametrize(
    ("name", "value"),
    [("count", -1), ("count", 10**6), ("count", "x"), ("for_each", ["a"]), ("for_each", None)],
)
def test_what_they_cannot_be(name: str, value: object) -> None:
    with pytest.raises(Wrong):
        instances(name, value)


CASES = [
    (
        'resource "aws_acm_certificate" "c" {}',
        "aws_acm_certificate.c.arn",
        "arn:aws:acm:us-east-1:000000000000:certificate/",
    ),
    (
        (
            'resource "aws_acm_certificate" "c" {}\n'
            'resource "aws_acm_certificate_validation" "v" {\n'
            "  certificate_arn = aws_acm_certificate.c.arn\n}"
        ),
        "aws_acm_certificate_validation.v.certificate_arn",
        "arn:aws:acm:",
    ),
    (
        'data "aws_caller_identity" "me" {}',
        "data.aws_caller_identity.me.account_id",
        "000000000000",
    ),
    (
        'data "aws_cloudfront_cache_policy" "p" {\n  name = "Managed-CachingOptimized"\n}',
        "data.aws_cloudfront_cache_policy.p.id",
        "658327ea-",
    ),
    (
        'data "aws_cloudfront_cache_policy" "p" {\n  name = "CachingDisabled"\n}',
        "data.aws_cloudfront_cache_policy.p.id",
        "4135ea2d-",
    ),
    (
        (
            'resource "aws_s3_bucket" "b" {\n  bucket = "x"\n}\n'
            'resource "aws_s3_bucket_website_configuration" "w" {\n'
            "  bucket = aws_s3_bucket.b.id\n}"
        ),
        "aws_s3_bucket_website_configuration.w.website_endpoint",
        "x.s3-website-us-east-1.amazonaws.com",
    ),
    (
        'resource "aws_lambda_function" "f" {\n  function_name = "edge"\n}',
        "aws_lambda_function.f.qualified_arn",
        "arn:aws:lambda:us-east-1:000000000000:function:edge:1",
    ),
    (
        'resource "aws_cloudfront_distribution" "d" {}',
        "aws_cloudfront_distribution.d.hosted_zone_id",
        "Z2FDTNDATAQYW2",
    ),
    (
        'resource "aws_cloudfront_origin_access_identity" "o" {}',
        "aws_cloudfront_origin_access_identity.o.cloudfront_access_identity_path",
        "origin-access-identity/cloudfront/E",
    ),
]


@pytest.mark.parametrize(("text", "reference", "expected"), CASES)
def test_well_known_attributes_have_values(
    tmp_path: Path, text: str, reference: str, expected: str
) -> None:
    value = evaluated(tmp_path, text, reference)
    assert isinstance(value, str)
    assert value.startswith(expected)


@pytest.mark.parametrize(
    ("text", "reference", "why"),
    [
        ('resource "aws_lb" "l" {}', "aws_lb.l.dns_name", "computed"),
        ("", "aws_lb.l.dns_name", "undeclared"),
        (
            'data "aws_cloudfront_cache_policy" "p" {\n  name = "Mine"\n}',
            "data.aws_cloudfront_cache_policy.p.id",
            "unsupported",
        ),
        (
            'resource "aws_s3_bucket" "b" {\n  count = aws_lb.l.n\n}',
            "aws_s3_bucket.b[0].id",
            "unsupported",
        ),
    ],
)
def test_the_rest_is_unknown(tmp_path: Path, text: str, reference: str, why: str) -> None:
    value = evaluated(tmp_path, text, reference)
    assert isinstance(value, Unknown)
    assert value.why == why


def evaluated(folder: Path, text: str, reference: str) -> object:
    (folder / "main.tf").write_text(f'{text}\noutput "o" {{\n  value = {reference}\n}}\n')
    module = Module(Report(folder), folder, folder)
    return module.value(module.outputs["o"].body.attributes["value"])
