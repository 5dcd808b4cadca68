"""Policies and what stood in their place (rows 24 to 35, 67, 68)."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.spec.distribution import Behavior, HeaderSelection, Selection, Ttl
from skerry.spec.project import Project
from tests.support.files import BEHAVIOR, distribution, only, read, said

LEGACY = BEHAVIOR.replace('cache_policy_id        = "658327ea-f89d-4fab-a63d-7e88639e58f6"', "%s")


def behavior(found: Project) -> Behavior:
    assert said(found, "error") == []
    return found.distributions[0].behaviors[-1]


def legacy(folder: Path, inside: str) -> Behavior:
    return behavior(read(folder, distribution(behavior=LEGACY % inside)))


def test_legacy_query_strings_cookies_and_headers(tmp_path: Path) -> None:
    one = legacy(
        tmp_path,
        'forwarded_values {\n  query_string = true\n  query_string_cache_keys = ["v"]\n  headers = ["Origin"]\n'
        '  cookies {\n    forward = "whitelist"\n    whitelisted_names = ["s*"]\n  }\n}\n'
        "default_ttl = 60\nmax_ttl = 90\ncompress = true",
    )
    assert one.key.query == Selection("list", ("v",))
    assert one.forward.query == Selection("all")
    assert one.key.cookies == one.forward.cookies == Selection("list", ("s*",))
    assert one.key.headers == ("origin",)
    assert one.forward.legacy
    assert (one.key.gzip, one.key.br) == (True, False)
    assert one.ttl == Ttl(0, 60, 90)


def test_all_headers_cache_nothing(tmp_path: Path) -> None:
    one = legacy(
        tmp_path,
        'forwarded_values {\n  query_string = false\n  headers = ["*"]\n  cookies {\n    forward = "all"\n  }\n}',
    )
    assert one.forward.headers == HeaderSelection("all_viewer")
    assert one.ttl == Ttl(0, 0, 0)
    assert one.key.headers == ()


def test_accept_encoding_that_is_listed_is_an_ordinary_header(tmp_path: Path) -> None:
    one = legacy(
        tmp_path,
        (
            "compress = true\nforwarded_values {\n  query_string = false\n"
            '  headers = ["Accept-Encoding"]\n  cookies {\n    forward = "none"\n  }\n}'
        ),
    )
    assert not one.key.gzip


@pytest.mark.parametrize(
    ("ttls", "expected"),
    [
        ("", Ttl(0, 86400, 31536000)),
        ("max_ttl = 300", Ttl(0, 300, 300)),
        ("min_ttl = 100000", Ttl(100000, 100000, 31536000)),
        ("default_ttl = 0\nmax_ttl = 300", Ttl(0, 0, 300)),
    ],
)
def test_ttls_left_out(tmp_path: Path, ttls: str, expected: Ttl) -> None:
    forwarded = (
        'forwarded_values {\n  query_string = false\n  cookies {\n    forward = "none"\n  }\n}\n'
    )
    assert legacy(tmp_path, forwarded + ttls).ttl == expected


def test_ttls_out_of_order(tmp_path: Path) -> None:
    found = read(
        tmp_path, distribution(behavior=LEGACY % "min_ttl = 5\ndefault_ttl = 1\nmax_ttl = 3")
    )
    assert only(found, "ttl.order").level == "error"


POLICY = """
resource "aws_cloudfront_cache_policy" "p" {
  name    = "p"
  min_ttl = 1
  parameters_in_cache_key_and_forwarded_to_origin {
    headers_config {
      header_behavior = "%s"
      headers {
        items = ["%s"]
      }
    }
    cookies_config {
      cookie_behavior = "%s"
    }
    query_strings_config {
      query_string_behavior = "none"
    }
  }
}
"""
OWN = LEGACY % "cache_policy_id = aws_cloudfront_cache_policy.p.id"


@pytest.mark.parametrize(
    ("header_behavior", "header", "cookies", "message"),
    [
        ("whitelist", "X-A", "whitelist", "cookie_behavior: needs a list of names"),
        (
            "allViewer",
            "X-A",
            "none",
            "headers_config: a cache policy takes none or a whitelist of headers",
        ),
        (
            "whitelist",
            "CloudFront-Viewer-TLS",
            "none",
            "headers_config: cloudfront-viewer-tls cannot be part of a cache key",
        ),
        ("some", "X-A", "none", 'header_behavior: "some" is not among none, whitelist, allViewer'),
    ],
)
def test_cache_policies_that_cannot_be(
    tmp_path: Path, header_behavior: str, header: str, cookies: str, message: str
) -> None:
    found = read(tmp_path, distribution(behavior=OWN) + POLICY % (header_behavior, header, cookies))
    assert only(found, "terraform.value").message.startswith(message)


def test_a_policy_of_nobody(tmp_path: Path) -> None:
    found = read(tmp_path, distribution(behavior=LEGACY % 'cache_policy_id = "no-such"'))
    finding = only(found, "policy.unknown")
    assert "Managed-CachingOptimized" in finding.hint


def test_data_by_name(tmp_path: Path) -> None:
    text = distribution(
        behavior=LEGACY
        % (
            "cache_policy_id = data.aws_cloudfront_cache_policy.off.id\n"
            "origin_request_policy_id = data.aws_cloudfront_origin_request_policy.all.id\n"
            "response_headers_policy_id = data.aws_cloudfront_response_headers_policy.safe.id"
        )
    )
    data = "".join(
        f'data "aws_cloudfront_{kind}_policy" "{name}" {{\n  name = "{managed}"\n}}\n'
        for kind, name, managed in (
            ("cache", "off", "Managed-CachingDisabled"),
            ("origin_request", "all", "Managed-AllViewer"),
            ("response_headers", "safe", "Managed-SecurityHeadersPolicy"),
        )
    )
    one = behavior(read(tmp_path, text + data))
    assert one.ttl == Ttl(0, 0, 0)
    assert one.forward.headers.mode == "all_viewer"
    assert one.response_headers is not None
    assert one.response_headers.name == "Managed-SecurityHeadersPolicy"


HEADERS = """
resource "aws_cloudfront_response_headers_policy" "h" {
  name = "h"
  %s
}
"""


@pytest.mark.parametrize(
    ("inside", "value"),
    [
        ("xss_protection {\n    protection = false\n    override = true\n  }", "0"),
        (
            'xss_protection {\n    protection = true\n    override = true\n    report_uri = "https://r"\n  }',
            "1; report=https://r",
        ),
        (
            "strict_transport_security {\n    access_control_max_age_sec = 60\n    override = true\n  }",
            "max-age=60",
        ),
    ],
)
def test_security_headers(tmp_path: Path, inside: str, value: str) -> None:
    text = distribution(
        behavior=BEHAVIOR
        + "response_headers_policy_id = aws_cloudfront_response_headers_policy.h.id"
    )
    one = behavior(read(tmp_path, text + HEADERS % f"security_headers_config {{\n{inside}\n}}"))
    assert one.response_headers is not None
    assert one.response_headers.set[0].value == value


def test_credentials_for_everybody(tmp_path: Path) -> None:
    cors = (
        "cors_config {\n  access_control_allow_credentials = true\n"
        '  origin_override = true\n  access_control_allow_headers {\n    items = ["*"]\n'
        '  }\n  access_control_allow_methods {\n    items = ["GET"]\n  }\n'
        '  access_control_allow_origins {\n    items = ["*"]\n  }\n}'
    )
    text = distribution(
        behavior=BEHAVIOR
        + "response_headers_policy_id = aws_cloudfront_response_headers_policy.h.id"
    )
    assert (
        "cannot go with the origin `*`"
        in only(read(tmp_path, text + HEADERS % cors), "terraform.value").message
    )
