"""CloudFront's own JSON says what the HCL beside it says."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from skerry.base.finding import Place
from skerry.readers import cloudfront_json
from skerry.readers.cloudfront_json import snake
from skerry.readers.report import Report
from tests.unit.readers.test_show_json import FULL, full, settled

FUNCTION = """[function.viewer]
source = "edge"
handler = "app.handler"
runtime = "python3.11"
memory_mb = 256
timeout_s = 2
"""


def test_it_says_what_the_hcl_says(tmp_path: Path) -> None:
    written = full(tmp_path / "hcl", ".")
    shown = full(tmp_path / "json", "distribution.json", FUNCTION)
    assert [one.message for one in shown.findings] == []
    expected = settled(written)
    # its custom policies are known by ids of an account alone, so that the fixture has no /api/*
    behaviors = tuple(one for one in expected.behaviors if one.pattern != "/api/*")
    assert settled(shown) == msgspec.structs.replace(expected, behaviors=behaviors)
    assert shown.distributions[0].name == "distribution"
    assert [one.name for one in shown.functions] == ["viewer"]


def test_names() -> None:
    words = {
        "HttpVersion": "http_version",
        "MinTTL": "min_ttl",
        "ErrorCachingMinTTL": "error_caching_min_ttl",
        "SSLSupportMethod": "ssl_support_method",
        "OriginSslProtocols": "origin_ssl_protocols",
        "CachePolicyId": "cache_policy_id",
        "ViewerMtlsConfig": "viewer_mtls_config",
    }
    assert {name: snake(name) for name in words} == words


@pytest.mark.parametrize(
    "around",
    [
        lambda c: c,
        lambda c: {"DistributionConfig": c},
        lambda c: {"Distribution": {"Id": "E9", "DistributionConfig": c}},
    ],
)
def test_what_commands_print_around_it(around: object, tmp_path: Path) -> None:
    config = json.loads((FULL / "distribution.json").read_text())["DistributionConfig"]
    document = around(config)  # type: ignore[operator]  # a lambda of the table
    assert cloudfront_json.is_distribution(document)
    found = cloudfront_json.read(document, tmp_path / "x.json", Report(tmp_path))
    assert found[0].ids["id"] in (
        "E9",
        cloudfront_json.identity.short("aws_cloudfront_distribution.x"),
    )


def refused(**members: object) -> list[str]:
    config = json.loads((FULL / "distribution.json").read_text())["DistributionConfig"] | members
    report = Report(Path())
    shape = cloudfront_json.convert(config, cloudfront_json.KIND, Place("x"), report)
    cloudfront_json.arguments.check(shape, report, lists_computed=True)
    return [one.message for one in report.findings if one.level == "error"]


@pytest.mark.parametrize(
    ("members", "part"),
    [
        ({"ConnectionMode": "tenant-only"}, "ConnectionMode"),
        ({"TenantConfig": {"ParameterDefinitions": [1]}}, "TenantConfig"),
        ({"WebACLId": "arn:x"}, "web ACL"),
        ({"ViewerMtlsConfig": {"Mode": "required"}}, "client certificates"),
        (
            {
                "Restrictions": {
                    "GeoRestriction": {
                        "RestrictionType": "whitelist",
                        "Quantity": 1,
                        "Items": ["DE"],
                    }
                }
            },
            "geographic",
        ),
        ({"SomethingNew": {"Guard": True}}, "something_new"),
    ],
)
def test_what_guards_is_refused(members: dict[str, object], part: str) -> None:
    found = refused(**members)
    assert found
    assert part in found[0]


def test_nothing_is_no_distribution() -> None:
    for document in (
        None,
        [],
        {},
        {"DistributionConfig": {}},
        {"Distribution": None},
        {"Origins": {}},
    ):
        assert not cloudfront_json.is_distribution(document)
