"""Distributions as a whole (rows 8 to 11, 44)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from skerry.spec.distribution import ErrorResponse
from tests.support.files import REST, codes, distribution, only, read, said


def test_a_small_one(tmp_path: Path) -> None:
    found = read(tmp_path, distribution(top='comment = "c"\ndefault_root_object = "index.html"'))
    assert said(found) == []
    one = found.distributions[0]
    assert (one.name, one.comment, one.default_root_object, one.enabled) == (
        "main",
        "c",
        "index.html",
        True,
    )
    assert re.fullmatch(r"E[0-9A-Z]{13}", one.id)
    assert one.domain == f"{one.id.lower()}.cloudfront.net"


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ('default_root_object = "/index.html"', "must not start with a slash"),
        (f'default_root_object = "{"x" * 256}"', "more than 255 characters"),
        ('aliases = ["a.*.example"]', '"a.*.example" is no host name'),
        ('aliases = ["https://a.example"]', "is no host name"),
        ('http_version = "http4"', 'http_version: "http4" is not among'),
        ("custom_error_response {\n  error_code = 418\n}", "error_code: 418 is not among"),
        ("custom_error_response {\n  error_code = 404\n  response_code = 200\n}", "go together"),
        (
            'custom_error_response {\n  error_code = 404\n  response_code = 200\n  response_page_path = "x"\n}',
            "must start with a slash",
        ),
        (
            'custom_error_response {\n  error_code = 404\n  response_code = 201\n  response_page_path = "/x"\n}',
            "response_code: 201 is not among",
        ),
        (
            "custom_error_response {\n  error_code = 404\n}\ncustom_error_response {\n  error_code = 404\n}",
            "404 is there twice",
        ),
    ],
)
def test_what_cannot_be(tmp_path: Path, top: str, message: str) -> None:
    rest = REST.replace("cloudfront_default_certificate = true", 'acm_certificate_arn = "a"')
    finding = only(read(tmp_path, distribution(top=top, rest=rest)), "terraform.value")
    assert finding.level == "error"
    assert message in finding.message


def test_error_responses(tmp_path: Path) -> None:
    top = (
        "custom_error_response {\n  error_code = 404\n  response_code = 200\n"
        '  response_page_path = "/x"\n  error_caching_min_ttl = 0\n}\n'
        "custom_error_response {\n  error_code = 500\n}\n"
    )
    found = read(tmp_path, distribution(top=top))
    assert found.distributions[0].error_responses == (
        ErrorResponse(404, "/x", 200, 0),
        ErrorResponse(500, None, None, 10),
    )


@pytest.mark.parametrize(
    ("certificate", "code", "level"),
    [
        (
            'acm_certificate_arn = aws_acm_certificate.gone.arn\nssl_support_method = "sni-only"',
            "terraform.unresolved_reference",
            "warning",
        ),
        (
            'acm_certificate_arn = "arn:x"\nminimum_protocol_version = "TLSv1_2016"',
            "distribution.tls_too_old",
            "note",
        ),
        ("cloudfront_default_certificate = true", "distribution.no_certificate", "warning"),
        (
            'acm_certificate_arn = "arn:x"\nssl_support_method = "vip"',
            "terraform.without_effect",
            "note",
        ),
    ],
)
def test_certificates(tmp_path: Path, certificate: str, code: str, level: str) -> None:
    rest = REST.replace("cloudfront_default_certificate = true", certificate)
    found = read(tmp_path, distribution(top='aliases = ["a.example"]', rest=rest))
    assert only(found, code).level == level


@pytest.mark.parametrize(
    ("version", "http2"),
    [("http1.1", False), ("http2", True), ("http2and3", True), ("http3", False)],
)
def test_http_versions(tmp_path: Path, version: str, http2: bool) -> None:
    found = read(tmp_path, distribution(top=f'http_version = "{version}"'))
    assert found.distributions[0].http2 is http2
    assert ("distribution.http3" in codes(found, "note")) is ("3" in version)


def test_an_alias_of_two(tmp_path: Path) -> None:
    rest = REST.replace("cloudfront_default_certificate = true", 'acm_certificate_arn = "a"')
    one = distribution(top='aliases = ["A.example"]', rest=rest)
    found = read(tmp_path, one + one.replace('"main"', '"other"').replace("A.example", "a.example"))
    assert (
        only(found, "distribution.alias_twice").message == "a.example is an alias of main already"
    )


def test_a_distribution_of_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, 'resource "aws_cloudfront_distribution" "main" {}\n', "format = 1\n")
    assert [message for _, _, message in said(found)] == [
        "origin: a distribution needs an origin",
        "default_cache_behavior: a distribution needs one",
    ]
