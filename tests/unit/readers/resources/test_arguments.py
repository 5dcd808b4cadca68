"""The table of arguments is complete, and what it says is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.readers.report import Report
from skerry.readers.resources import arguments
from skerry.readers.resources.shape import Shape
from skerry.readers.terraform.value import Unknown
from tests.support.files import BEHAVIOR, ORIGIN, REST, codes, distribution, only, read, said

# aws_cloudfront_distribution of the AWS provider 6.62: block: its arguments and blocks
PROVIDER = """
: aliases anycast_ip_list_id cache_tag_config comment connection_function_association
  continuous_deployment_policy_id custom_error_response default_cache_behavior default_root_object enabled
  http_version is_ipv6_enabled logging_config ordered_cache_behavior origin origin_group price_class restrictions
  retain_on_delete staging tags viewer_certificate viewer_mtls_config wait_for_deployment web_acl_id
cache_tag_config: header_name
connection_function_association: id
custom_error_response: error_caching_min_ttl error_code response_code response_page_path
default_cache_behavior: allowed_methods cache_policy_id cached_methods compress default_ttl
  field_level_encryption_id forwarded_values function_association grpc_config lambda_function_association max_ttl
  min_ttl origin_request_policy_id realtime_log_config_arn response_headers_policy_id smooth_streaming
  target_origin_id trusted_key_groups trusted_signers viewer_protocol_policy
default_cache_behavior.forwarded_values: cookies headers query_string query_string_cache_keys
default_cache_behavior.forwarded_values.cookies: forward whitelisted_names
default_cache_behavior.function_association: event_type function_arn
default_cache_behavior.grpc_config: enabled
default_cache_behavior.lambda_function_association: event_type include_body lambda_arn
logging_config: bucket include_cookies prefix
origin: connection_attempts connection_timeout custom_header custom_origin_config domain_name
  origin_access_control_id origin_id origin_path origin_shield response_completion_timeout s3_origin_config
  vpc_origin_config
origin.custom_header: name value
origin.custom_origin_config: http_port https_port ip_address_type origin_keepalive_timeout origin_mtls_config
  origin_protocol_policy origin_read_timeout origin_ssl_protocols
origin.custom_origin_config.origin_mtls_config: client_certificate_arn
origin.origin_shield: enabled origin_shield_region
origin.s3_origin_config: origin_access_identity
origin.vpc_origin_config: origin_keepalive_timeout origin_read_timeout owner_account_id vpc_origin_id
origin_group: failover_criteria member origin_id
origin_group.failover_criteria: status_codes
origin_group.member: origin_id
restrictions: geo_restriction
restrictions.geo_restriction: locations restriction_type
viewer_certificate: acm_certificate_arn cloudfront_default_certificate iam_certificate_id
  minimum_protocol_version ssl_support_method
viewer_mtls_config: mode trust_store_config
viewer_mtls_config.trust_store_config: advertise_trust_store_ca_names ignore_certificate_expiry trust_store_id
"""
KIND = "aws_cloudfront_distribution"
# in CloudFront's API and not in the provider
MORE = {f"{KIND}.origin.s3_origin_config": {"origin_read_timeout"}}


def provider() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    path = ""
    for line in PROVIDER.strip().splitlines():
        if not line.startswith(" "):
            path, line = line.split(":", 1)
        found.setdefault(f"{KIND}.{path}".rstrip("."), set()).update(line.split())
    return found


def test_every_argument_of_the_provider_stands_in_the_table_and_no_other() -> None:
    ours = {path: set(names) for path, names in arguments.table().items() if path.startswith(KIND)}
    theirs = {path: names | MORE.get(path, set()) for path, names in provider().items()}
    assert ours == theirs


def test_every_entry_says_why() -> None:
    for path, names in arguments.table().items():
        for name, argument in names.items():
            assert argument.disposition == "honoured" or argument.reason, f"{path}.{name}"


def test_both_behaviors_have_the_same_arguments() -> None:
    ordered, default = (
        arguments.of(f"{KIND}.{kind}_cache_behavior") for kind in ("ordered", "default")
    )
    assert ordered is not None
    assert default is not None
    assert set(ordered) - set(default) == {"path_pattern"}
    inner = "cache_behavior.forwarded_values.cookies"
    assert arguments.of(f"{KIND}.ordered_{inner}") == arguments.of(f"{KIND}.default_{inner}")


REFUSED = [
    ({"top": 'web_acl_id = "arn:x"'}, "a web ACL guards access"),
    ({"top": "web_acl_id = aws_wafv2_web_acl.x.arn"}, "a web ACL guards access"),
    ({"behavior": BEHAVIOR + 'trusted_key_groups = ["k"]'}, "signed URLs guard access"),
    (
        {"behavior": BEHAVIOR + "trusted_key_groups = [aws_cloudfront_key_group.x.id]"},
        "signed URLs guard access",
    ),
    ({"behavior": BEHAVIOR + 'trusted_signers = ["self"]'}, "signed URLs guard access"),
    (
        {"behavior": BEHAVIOR + 'field_level_encryption_id = "x"'},
        "field-level encryption guards data",
    ),
    ({"behavior": BEHAVIOR + "smooth_streaming = true"}, "Smooth Streaming is not built"),
    ({"behavior": BEHAVIOR + "grpc_config {\n    enabled = true\n  }"}, "gRPC is not built"),
    (
        {
            "behavior": BEHAVIOR
            + 'function_association {\n    event_type = "viewer-request"\n    function_arn = "x"\n  }'
        },
        "CloudFront Functions come with a later version",
    ),
    (
        {"more": 'viewer_mtls_config {\n    mode = "required"\n  }\n'},
        "client certificates guard access",
    ),
    (
        {"more": 'connection_function_association {\n    id = "x"\n  }\n'},
        "a connection function guards access",
    ),
    (
        {"rest": REST.replace('"none"', '"whitelist"\n      locations = ["DE"]')},
        "geographic restriction guards access",
    ),
    ({"rest": REST.replace('"none"', "var.nothing")}, "geographic restriction guards access"),
    (
        {
            "origin": ORIGIN.replace(
                "http_port              = 80",
                'http_port = 80\n      origin_mtls_config {\n        client_certificate_arn = "x"\n      }',
            )
        },
        "client certificates towards origins",
    ),
]


@pytest.mark.parametrize("level", ["strict", "warn", "relaxed"])
@pytest.mark.parametrize(("parts", "reason"), REFUSED)
def test_what_guards_access_is_refused_at_every_level(
    tmp_path: Path, parts: dict[str, str], reason: str, level: str
) -> None:
    found = read(
        tmp_path,
        distribution(**parts),
        f'level = "{level}"\n[local.origin]\napi = "http://127.0.0.1:1"\n',
    )
    finding = only(found, "terraform.not_built")
    assert finding.level == "error"
    assert reason in finding.message


@pytest.mark.parametrize(
    "parts",
    [
        {"top": 'web_acl_id = ""'},
        {"top": "web_acl_id = null"},
        {"top": "web_acl_id = var.waf"},
        {"behavior": BEHAVIOR + "trusted_signers = []"},
        {"behavior": BEHAVIOR + "grpc_config {\n    enabled = false\n  }"},
        {"behavior": BEHAVIOR + "smooth_streaming = false"},
        {"more": 'dynamic "viewer_mtls_config" {\n    for_each = []\n    content {}\n  }\n'},
    ],
)
def test_what_is_empty_is_not_refused(tmp_path: Path, parts: dict[str, str]) -> None:
    text = distribution(**parts) + 'variable "waf" {\n  default = null\n}\n'
    assert said(read(tmp_path, text)) == []


def test_an_unknown_number_of_blocks_is_never_taken_for_none(tmp_path: Path) -> None:
    more = 'dynamic "viewer_mtls_config" {\n    for_each = data.x.y.z\n    content {}\n  }\n'
    assert codes(read(tmp_path, distribution(more=more))) == ["terraform.unsupported"]


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ('price_class = "PriceClass_100"', "PoPs are the ones of [local] pop"),
        ('logging_config {\n    bucket = "x"\n  }', "records are written below .skerry"),
        ("staging = true", "a staging distribution is served as one of its own"),
        ('anycast_ip_list_id = "x"', "addresses belong to CloudFront's network"),
    ],
)
def test_what_has_no_effect_is_a_note(tmp_path: Path, top: str, message: str) -> None:
    finding = only(read(tmp_path, distribution(top=top)), "terraform.without_effect")
    assert finding.level == "note"
    assert message in finding.message


def test_the_usual_needs_no_word(tmp_path: Path) -> None:
    top = 'price_class = "PriceClass_All"\ntags = { a = "b" }\nretain_on_delete = true\nstaging = false'
    assert said(read(tmp_path, distribution(top=top))) == []


def test_names_that_the_provider_does_not_have(tmp_path: Path) -> None:
    found = read(tmp_path, distribution(top='alises = ["a.example"]', more="frobnicate {}\n"))
    findings = [one for one in found.findings if one.code == "terraform.unknown_argument"]
    assert [one.hint for one in findings] == [
        "did you mean `aliases`?",
        "the arguments that are known: docs/reference/terraform.md",
    ]
    assert {one.level for one in findings} == {"error"}


def test_blocks_that_are_not_looked_into_are_judged_all_the_same() -> None:
    report = Report(Path())
    inner = Shape("aws_lambda_function.environment", Place("f", 2))
    shape = Shape("aws_lambda_function", Place("f", 1), blocks={"environment": [inner]})
    arguments.check(shape, report)
    assert [one.level for one in report.findings] == ["note"]


def test_empty() -> None:
    for value in (None, "", [], {}, False, 0):
        assert arguments.empty(value)
    for value in ("x", [0], True, 1, Unknown("a", "a", "computed", Place("f"))):
        assert not arguments.empty(value)
