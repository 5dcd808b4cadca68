"""What came through a variable stands in no finding (SECURITY.md), wherever it was put."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from skerry.base.finding import Place
from skerry.cli.main import main
from skerry.readers import project as reader
from tests.support.files import BEHAVIOR, ORIGIN, TOML, distribution, write

CANARY = "HUSH value with space"
DECLARED = f'variable "sec" {{\n  sensitive = true\n  default   = "{CANARY}"\n}}\n'
GIVEN = 'variable "sec" {\n  type = string\n}\n'
DATA = 'data "aws_cloudfront_cache_policy" "p" {\n  name = var.sec\n}\n'
FUNCTION = """
resource "aws_lambda_function" "f" {
  function_name = "f"
  publish       = true
  filename      = "f.zip"
  handler       = "app.handler"
  runtime       = "python3.11"
}
"""
CALLED = """
    lambda_function_association {
      event_type = "viewer-request"
      lambda_arn = aws_lambda_function.f.qualified_arn
    }
"""
ERRORS = "custom_error_response {{\n    {}\n  }}\n"
GROUP = """
  origin_group {{
    origin_id = {id}
    failover_criteria {{
      status_codes = [{status}]
    }}
    member {{
      origin_id = "api"
    }}
    member {{
      origin_id = {member}
    }}
  }}
"""
OWN_POLICY = """
resource "aws_cloudfront_cache_policy" "own" {{
  name    = "own"
  min_ttl = {ttl}
  parameters_in_cache_key_and_forwarded_to_origin {{
    cookies_config {{
      cookie_behavior = {cookies}
    }}
    headers_config {{
      header_behavior = "whitelist"
      headers {{
        items = [{header}]
      }}
    }}
    query_strings_config {{
      query_string_behavior = "none"
    }}
  }}
}}
"""
OWN = BEHAVIOR.replace(
    '"658327ea-f89d-4fab-a63d-7e88639e58f6"', "aws_cloudfront_cache_policy.own.id"
)


def origin(name: str, value: str) -> str:
    """The origin with another value for one argument, which is added where it is not there."""
    pattern = rf"(\b{name}\s*= ).*"
    if re.search(pattern, ORIGIN):
        return distribution(origin=re.sub(pattern, rf"\g<1>{value}", ORIGIN, count=1))
    return distribution(origin=ORIGIN.replace("origin {", f"origin {{\n    {name} = {value}"))


def behavior(name: str, value: str) -> str:
    """The same for the default behavior."""
    pattern = rf"(\b{name}\s*= ).*"
    if re.search(pattern, BEHAVIOR):
        return distribution(behavior=re.sub(pattern, rf"\g<1>{value}", BEHAVIOR, count=1))
    return distribution(behavior=f"{BEHAVIOR}\n    {name} = {value}")


def function(name: str, value: str) -> str:
    """The same for a function that is called."""
    own = re.sub(rf"(\b{name}\s*= ).*", rf"\g<1>{value}", FUNCTION)
    if own == FUNCTION:
        own = FUNCTION.replace("  publish", f"  {name} = {value}\n  publish")
    return own + distribution(behavior=BEHAVIOR + CALLED)


def policy(ttl: str = "1", cookies: str = '"none"', header: str = '"x"') -> str:
    """A cache policy of one's own."""
    return OWN_POLICY.format(ttl=ttl, cookies=cookies, header=header) + distribution(behavior=OWN)


def group(id: str = '"g"', status: str = "500", member: str = '"api"') -> str:
    """An origin group."""
    return distribution(more=GROUP.format(id=id, status=status, member=member))


PLACES = {
    # the places of an origin
    "domain_name": origin("domain_name", "var.sec"),
    "domain_name, in a text": origin("domain_name", '"a ${var.sec}"'),
    "domain_name, through a local": "locals {\n  l = upper(var.sec)\n}\n"
    + origin("domain_name", "local.l"),
    "domain_name that is good": origin("domain_name", 'replace(var.sec, " ", "-")'),
    "domain_name of a bucket": 'resource "aws_s3_bucket" "b" {\n  bucket = var.sec\n}\n'
    + origin("domain_name", "aws_s3_bucket.b.bucket_regional_domain_name"),
    "domain_name by for": origin("domain_name", "[for one in [var.sec] : one][0]"),
    "origin_path": origin("origin_path", "var.sec"),
    "origin_id": origin("origin_id", "var.sec"),
    "origin_protocol_policy": origin("origin_protocol_policy", "var.sec"),
    "origin_ssl_protocols": origin("origin_ssl_protocols", "[var.sec]"),
    "http_port": origin("http_port", "var.sec"),
    "connection_attempts": origin("connection_attempts", "length(var.sec) * 1000 + 41121"),
    "custom_header": distribution(
        origin=ORIGIN.replace(
            "origin {",
            'origin {\n custom_header {\n name = "x-amz-${var.sec}"\n value = var.sec\n }',
        )
    ),
    "origin_group, member": group(member="var.sec"),
    "origin_group, status": group(status="var.sec"),
    "origin_group, name": group(id='"${var.sec}"'),
    # of a behavior
    "viewer_protocol_policy": behavior("viewer_protocol_policy", "var.sec"),
    "cache_policy_id": behavior("cache_policy_id", "var.sec"),
    "cache_policy_id, by name": DATA
    + behavior("cache_policy_id", "data.aws_cloudfront_cache_policy.p.id"),
    "target_origin_id": behavior("target_origin_id", "var.sec"),
    "compress": behavior("compress", "var.sec"),
    "allowed_methods": behavior("allowed_methods", "[var.sec]"),
    "realtime_log_config_arn": behavior("realtime_log_config_arn", "var.sec"),
    "lambda_arn": distribution(
        behavior=BEHAVIOR + CALLED.replace("aws_lambda_function.f.qualified_arn", "var.sec")
    ),
    "lambda_arn that is good": distribution(
        behavior=BEHAVIOR
        + CALLED.replace(
            "aws_lambda_function.f.qualified_arn",
            '"arn:aws:lambda:us-east-1:123456789012:function:${replace(var.sec, " ", "-")}"',
        )
    ),
    "event_type": distribution(behavior=BEHAVIOR + CALLED.replace('"viewer-request"', "var.sec")),
    "path_pattern": distribution(
        more=f"ordered_cache_behavior {{\n path_pattern = var.sec\n{BEHAVIOR}\n}}\n" * 2
    ),
    # of a distribution
    "web_acl_id": distribution(top="web_acl_id = var.sec"),
    "price_class": distribution(top="price_class = var.sec"),
    "aliases": distribution(top='aliases = ["good.example.com", var.sec]'),
    "default_root_object": distribution(top='default_root_object = "/${var.sec}"'),
    "http_version": distribution(top="http_version = var.sec"),
    "enabled": distribution(top="enabled = var.sec"),
    "error page": distribution(
        more=ERRORS.format("error_code = 404\nresponse_code = 200\nresponse_page_path = var.sec")
    ),
    "error code": distribution(more=ERRORS.format("error_code = var.sec")),
    "dynamic": distribution(
        more='dynamic "custom_error_response" {\n for_each = [var.sec]\n content {\n'
        "error_code = 404\nresponse_code = 200\n"
        "response_page_path = custom_error_response.value\n}\n}\n"
    ),
    # of policies and functions
    "min_ttl": policy(ttl="var.sec"),
    "cookie_behavior": policy(cookies="var.sec"),
    "headers": policy(header='"cloudfront-viewer-asn", var.sec'),
    "filename": function("filename", "var.sec"),
    "handler": function("handler", "var.sec"),
    "runtime": function("runtime", "var.sec"),
    "timeout": function("timeout", "var.sec"),
    "each.value": 'resource "aws_cloudfront_distribution" "d" {\n  for_each = { a = var.sec }\n'
    + origin("origin_path", "each.value").split("\n", 1)[1],
    "for_each": 'resource "aws_cloudfront_distribution" "d" {\n  for_each = toset([var.sec])\n'
    + distribution().split("\n", 1)[1],
    "count": 'resource "aws_cloudfront_distribution" "d" {\n  count = var.sec\n'
    + distribution().split("\n", 1)[1],
    "module source": 'module "m" {\n  source = var.sec\n}\n' + distribution(),
    "module folder": 'module "m" {\n  source = "./${var.sec}"\n}\n' + distribution(),
}
EXPRESSIONS = [
    "tonumber(var.sec)",
    "var.sec + 1",
    "-var.sec",
    'format("%d", var.sec)',
    'format("${var.sec}%d")',
    "file(var.sec)",
    "templatefile(var.sec, {})",
    '{ a = "b" }[var.sec]',
    '{ "${var.sec}" = "b" }["c"]',
    '{ "${var.sec}" = "b" }.c',
    '["a"][var.sec]',
    'lookup({ a = "b" }, var.sec)',
    "parseint(var.sec, 10)",
    "jsondecode(var.sec)",
    'regex("(?<${var.sec}>", "a")',
    'replace("a", "/a/", "${var.sec}$9")',
    '{ for one in [var.sec, var.sec] : one => "a" }["a"]',
    "try(tonumber(var.sec))",
    "tonumber([var.sec][0])",
    "aws_nothing.here[var.sec].x",
    "local[var.sec]",
    "path[var.sec]",
    "tonumber(nonsensitive(var.sec))",
]
PLACES |= {f"expression {one}": origin("origin_path", one) for one in EXPRESSIONS}
# Nothing is wrong there, or only where the value is another one.
SILENT = frozenset({"domain_name that is good", "origin_group, name", "for_each"})
WAYS = ("declared", "environment", "tfvars", "toml", "module")


def project(folder: Path, way: str, text: str) -> dict[str, str]:
    """Files and environment of a project whose variable gets the canary in one of the ways there are."""
    value = f'sec = "{CANARY}"\n'
    files = {"main.tf": (DECLARED if way == "declared" else GIVEN) + text, "skerry.toml": TOML}
    if way == "tfvars":
        files["terraform.tfvars"] = value
    if way == "toml":
        files["skerry.toml"] = f'format = 1\nname = "test"\n[local]\nvars = {{ {value.strip()} }}\n'
    if way == "module":
        files["m/main.tf"] = files["main.tf"]
        files["main.tf"] = DECLARED + 'module "m" {\n  source = "./m"\n  sec    = var.sec\n}\n'
    write(folder, files)
    return {"TF_VAR_sec": CANARY} if way == "environment" else {}


def told(text: str) -> list[str]:
    """Lines that say the value, or a number of it that nothing else says."""
    return [line for line in text.splitlines() if re.search("hush|41142", line, re.IGNORECASE)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", PLACES)
def test_no_finding_says_a_value(tmp_path: Path, way: str, place: str) -> None:
    environment = project(tmp_path, way, PLACES[place])
    found = reader.read(tmp_path, environment=environment)
    assert told(msgspec.json.format(msgspec.json.encode(found.findings)).decode()) == []
    if place not in SILENT:
        assert any(one.where != Place("skerry.toml", 3, 1) for one in found.findings)


@pytest.mark.parametrize("form", [[], ["--json"], ["--format", "github"]])
@pytest.mark.parametrize("way", WAYS)
def test_check_says_no_value(
    tmp_path: Path,
    way: str,
    form: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for at, text in enumerate(PLACES.values()):
        folder = tmp_path / str(at)
        for name, value in project(folder, way, text).items():
            monkeypatch.setenv(name, value)
        main(["check", str(folder), *form])
        said = capsys.readouterr()
        assert told(said.out + said.err) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (origin("origin_path", '"nope"'), '"nope" must start with a slash'),
        (origin("origin_path", "var.sec"), "`var.sec` must start with a slash"),
        (origin("origin_path", '"a ${ var.sec }"'), '`"a ${ var.sec }"` must start'),
        ('locals {\n  l = "nope"\n}\n' + origin("origin_path", "local.l"), '"nope" must start'),
        (origin("origin_path", 'tonumber("nope")'), 'a number is required, "nope" is none'),
        (origin("origin_path", "tonumber(var.sec)"), "a number is required, (not shown) is none"),
        (behavior("target_origin_id", "var.sec"), "origin or origin group `var.sec`"),
        (distribution(top="web_acl_id = var.sec"), "web_acl_id = `var.sec`: "),
    ],
)
def test_what_is_quoted_instead(tmp_path: Path, text: str, message: str) -> None:
    project(tmp_path, "declared", text)
    found = reader.read(tmp_path, environment={})
    assert any(message in one.message for one in found.findings), found.findings


def test_a_module_may_be_quoted_where_its_caller_may(tmp_path: Path) -> None:
    project(tmp_path, "module", origin("origin_path", "var.sec"))
    write(tmp_path, {"main.tf": 'module "m" {\n  source = "./m"\n  sec    = "nope"\n}\n'})
    found = reader.read(tmp_path, environment={})
    assert any('"nope" must start' in one.message for one in found.findings)


def test_a_value_file_that_cannot_be_read_is_not_quoted(tmp_path: Path) -> None:
    for text in ("sec = HUSH value\n", "sec = HUSH\n", 'sec = "HUSH\n', "HUSH\n"):
        project(tmp_path, "tfvars", origin("origin_path", "var.sec"))
        write(tmp_path, {"terraform.tfvars": text})
        found = reader.read(tmp_path, environment={})
        assert any(one.level == "error" for one in found.findings)
        assert told(str(found.findings)) == []


HANDED_ON = ["aws_s3_bucket.b.bucket_regional_domain_name", "aws_s3_bucket.b"]


@pytest.mark.parametrize("marks", ["sensitive", "referred", "handed on", "from a file"])
def test_a_plan_says_no_value(tmp_path: Path, marks: str) -> None:
    values = {
        "enabled": True,
        "web_acl_id": CANARY,
        "origin": [
            {"origin_id": "a", "domain_name": "a.example.com", "origin_path": "plain"},
            {"origin_id": "b", "domain_name": CANARY, "origin_path": CANARY},
        ],
    }
    refers: dict[str, object] = {"references": ["var.sec"]}
    if marks == "handed on":
        refers = {"references": HANDED_ON}
    elif marks == "from a file":
        refers = {}
    second = {"origin_id": {"constant_value": "b"}, "domain_name": refers, "origin_path": refers}
    expressions = {
        "web_acl_id": refers,
        "origin": [{"origin_id": {"constant_value": "a"}}, second],
    }
    row = {
        "address": "aws_cloudfront_distribution.d",
        "mode": "managed",
        "type": "aws_cloudfront_distribution",
        "name": "d",
    }
    planned: dict[str, object] = {**row, "values": values}
    written: dict[str, object] = {**row}
    bucket = {
        "address": "aws_s3_bucket.b",
        "mode": "managed",
        "type": "aws_s3_bucket",
        "name": "b",
    }
    bucket_written = {**bucket, "expressions": {"bucket": {"references": ["var.sec"]}}}
    if marks == "sensitive":
        sensitive = {"domain_name": True, "origin_path": True}
        planned["sensitive_values"] = {"web_acl_id": True, "origin": [{}, sensitive]}
    else:
        written["expressions"] = expressions
    plan = {
        "format_version": "1.2",
        "planned_values": {
            "root_module": {"resources": [planned, {**bucket, "values": {"bucket": CANARY}}]}
        },
        "configuration": {"root_module": {"resources": [written, bucket_written]}},
    }
    write(tmp_path, {"plan.json": json.dumps(plan), "skerry.toml": 'reads = ["plan.json"]\n'})
    found = reader.read(tmp_path, environment={})
    assert told(str(found.findings)) == []
    shown = {
        "sensitive": "`a sensitive value`",
        "referred": "`var.sec`",
        "handed on": f"`{HANDED_ON[0]}`",
        "from a file": "`an expression`",
    }[marks]
    said = [one.message for one in found.findings]
    assert any(f"domain_name: {shown} is no host name" in one for one in said)
    assert any('origin_path: "plain" must' in one for one in said)
