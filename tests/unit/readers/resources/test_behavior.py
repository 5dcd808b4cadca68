"""Behaviors and their functions (rows 1 to 7, 76)."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.spec.distribution import Association
from tests.support.files import BEHAVIOR, codes, distribution, only, read, said

LAMBDA = """
resource "aws_lambda_function" "edge" {
  function_name = "edge"
  filename      = "edge.zip"
  handler       = "app.handler"
  runtime       = "python3.11"
  publish       = true
}
"""
TOML = 'format = 1\n[function.edge]\nsource = "code"\n[local.origin]\napi = "live"\n'


def association(
    event: str, more: str = "", arn: str = "aws_lambda_function.edge.qualified_arn"
) -> str:
    return f'lambda_function_association {{\n  event_type = "{event}"\n  lambda_arn = {arn}\n  {more}\n}}\n'


def ordered(pattern: str, behavior: str = BEHAVIOR) -> str:
    return f'ordered_cache_behavior {{\n  path_pattern = "{pattern}"\n{behavior}\n}}\n'


def test_order_and_default_last(tmp_path: Path) -> None:
    found = read(tmp_path, distribution(more=ordered("/a/*") + ordered("/b/?.html")))
    assert said(found) == []
    assert [one.pattern for one in found.distributions[0].behaviors] == ["/a/*", "/b/?.html", "*"]


WRONG = [
    (
        '["GET", "HEAD"]\n    cached',
        '["GET"]\n    cached',
        "allowed_methods: these are none of the three sets",
    ),
    (
        'cached_methods         = ["GET", "HEAD"]',
        'cached_methods = ["GET", "HEAD", "OPTIONS"]',
        "cached_methods: GET and HEAD, with OPTIONS if that is allowed",
    ),
    ('"allow-all"', '"https"', 'viewer_protocol_policy: "https" is not among'),
    ('= "api"', '= "nowhere"', 'target_origin_id: there is no origin or origin group "nowhere"'),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_what_cannot_be(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in BEHAVIOR
    found = read(tmp_path, distribution(behavior=BEHAVIOR.replace(old, new)))
    assert only(found, "terraform.value").message.startswith(message)


def test_patterns(tmp_path: Path) -> None:
    found = read(tmp_path, distribution(more=ordered("/a b") + ordered("/x") + ordered("/x")))
    assert [message for _, _, message in said(found)] == [
        'path_pattern: "/a b" holds characters that a pattern cannot have',
        'path_pattern: two behaviors have the pattern "/x"',
        'path_pattern: two behaviors have the pattern "/x"',
    ]


def test_neither_policy_nor_forwarded_values(tmp_path: Path) -> None:
    behavior = BEHAVIOR.replace(
        'cache_policy_id        = "658327ea-f89d-4fab-a63d-7e88639e58f6"', ""
    )
    found = read(tmp_path, distribution(behavior=behavior))
    assert only(found, "behavior.no_policy").level == "warning"
    assert found.distributions[0].behaviors[0].forward.legacy


def test_both_policy_and_legacy(tmp_path: Path) -> None:
    both = (
        BEHAVIOR
        + 'default_ttl = 5\nforwarded_values {\n  query_string = true\n  cookies {\n    forward = "none"\n  }\n}'
    )
    found = read(tmp_path, distribution(behavior=both))
    assert sorted(codes(found)) == ["terraform.value", "ttl.beside_policy"]
    behavior = BEHAVIOR.replace("cache_policy_id", "origin_request_policy_id").replace(
        "658327ea-f89d-4fab-a63d-7e88639e58f6", "216adef6-5c7f-47e4-b989-5492eafa07d3"
    )
    found = read(tmp_path, distribution(behavior=behavior))
    assert "needs a cache policy" in only(found, "terraform.value").message


def test_functions_in_the_order_of_the_walk(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    behavior = (
        BEHAVIOR
        + association("viewer-response")
        + association("origin-request", "include_body = true")
    )
    found = read(tmp_path, distribution(behavior=behavior) + LAMBDA, TOML)
    assert said(found) == []
    assert found.distributions[0].behaviors[0].functions == (
        Association("origin-request", "edge", True),
        Association("viewer-response", "edge", False),
    )
    assert [one.name for one in found.functions] == ["edge"]


@pytest.mark.parametrize(
    ("associations", "message"),
    [
        (association("viewer-request") * 2, "event_type: viewer-request has two functions"),
        (
            association("origin-response", "include_body = true"),
            "include_body: origin-response has no request body",
        ),
        (association("request"), 'event_type: "request" is not among'),
    ],
)
def test_rules_of_associations(tmp_path: Path, associations: str, message: str) -> None:
    (tmp_path / "code").mkdir()
    found = read(tmp_path, distribution(behavior=BEHAVIOR + associations) + LAMBDA, TOML)
    finding = only(found, "terraform.value")
    assert finding.level == "error"
    assert finding.message.startswith(message)
