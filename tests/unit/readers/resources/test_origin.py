"""Origins (rows 13 to 23)."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.readers.resources.origin import key
from skerry.spec.distribution import Origin
from tests.support.files import BEHAVIOR, ORIGIN, codes, distribution, only, read, said

S3 = """
  origin {
    origin_id   = "api"
    domain_name = %s
    %s
  }
"""


def origin(folder: Path, text: str, more: str = "") -> Origin:
    found = read(folder, distribution(origin=text) + more)
    assert said(found, "error") == []
    return found.distributions[0].origins[0]


@pytest.mark.parametrize(
    ("domain", "inside", "kind", "access", "region"),
    [
        ('"b.s3.amazonaws.com"', "", "s3", "none", "us-east-1"),
        ('"b.s3.eu-west-1.amazonaws.com"', "", "s3", "none", "eu-west-1"),
        ('"b.s3-ap-south-1.amazonaws.com"', "", "s3", "none", "ap-south-1"),
        (
            '"x.example.com"',
            's3_origin_config {\n      origin_access_identity = "o"\n    }',
            "s3",
            "oai",
            "us-east-1",
        ),
        (
            '"b.s3.amazonaws.com"',
            's3_origin_config {\n      origin_access_identity = ""\n    }',
            "s3",
            "none",
            "us-east-1",
        ),
        (
            '"b.s3.amazonaws.com"',
            "origin_access_control_id = aws_cloudfront_origin_access_control.a.id",
            "s3",
            "oac",
            "us-east-1",
        ),
        (
            '"b.s3.amazonaws.com"',
            "origin_access_control_id = aws_cloudfront_origin_access_control.never.id",
            "s3",
            "none",
            "us-east-1",
        ),
        (
            '"b.s3-website-us-east-1.amazonaws.com"',
            (
                "custom_origin_config {\n      http_port = 80\n      https_port = 443\n"
                '      origin_protocol_policy = "http-only"\n'
                '      origin_ssl_protocols = ["TLSv1.2"]\n    }'
            ),
            "custom",
            "none",
            None,
        ),
        (
            '"f.lambda-url.us-east-1.on.aws"',
            'vpc_origin_config {\n      vpc_origin_id = "v"\n      origin_read_timeout = 7\n    }',
            "custom",
            "none",
            None,
        ),
    ],
)
def test_kinds(
    tmp_path: Path, domain: str, inside: str, kind: str, access: str, region: str | None
) -> None:
    controls = "".join(
        (
            f'resource "aws_cloudfront_origin_access_control" "{name}" {{\n  name = "a"\n'
            f'  origin_access_control_origin_type = "s3"\n  signing_behavior = "{how}"\n'
            f'  signing_protocol = "sigv4"\n}}\n'
        )
        for name, how in (("a", "always"), ("never", "never"))
    )
    found = origin(tmp_path, S3 % (domain, inside), controls)
    assert (found.kind, found.access, found.region) == (kind, access, region)


def test_neither_bucket_nor_custom_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, distribution(origin=S3 % ('"x.example.com"', "")))
    assert only(found, "origin.no_kind").level == "warning"
    assert found.distributions[0].origins[0].protocol == "https-only"


WRONG = [
    ('domain_name = "api.example.com"', 'domain_name = "https://api.example.com/"', "domain_name:"),
    ('origin_id   = "api"', 'origin_id   = "api"\n    origin_path = "live"', "origin_path:"),
    ('origin_id   = "api"', 'origin_id   = "api"\n    origin_path = "/live/"', "origin_path:"),
    (
        'origin_id   = "api"',
        'origin_id   = "api"\n    connection_attempts = 4',
        "connection_attempts: 4 is not within 1 to 3",
    ),
    (
        'origin_id   = "api"',
        'origin_id   = "api"\n    connection_timeout = 11',
        "connection_timeout: 11 is not within 1 to 10",
    ),
    (
        'origin_id   = "api"',
        'origin_id   = "api"\n    response_completion_timeout = 3',
        "response_completion_timeout: 3 s is less",
    ),
    ("= 443", "= 444", "https_port: 444 is not 80, 443"),
    ('"https-only"', '"https"', 'origin_protocol_policy: "https" is not among'),
    ('["TLSv1.2"]', '["TLSv9"]', 'origin_ssl_protocols: "TLSv9" is not among'),
    (
        'origin_id   = "api"',
        'origin_id   = "api"\n    custom_header {\n      name = "Host"\n      value = "x"\n    }',
        "name: CloudFront does not let an origin have its own Host",
    ),
    (
        'origin_id   = "api"',
        'origin_id   = "api"\n    custom_header {\n      name = "X-Amz-Meta"\n      value = "x"\n    }',
        "name: CloudFront does not let",
    ),
    (
        'origin_id   = "api"',
        'origin_id   = "api"\n    custom_header {\n      name = "X A"\n      value = "x"\n    }',
        'name: "X A" is no name of a header',
    ),
    (
        'origin_id   = "api"',
        'origin_id   = "api"\n    custom_header {\n      name = "X-A"\n      value = "x\\n"\n    }',
        "value: the value of a header cannot hold the end of a line",
    ),
    (
        'origin_id   = "api"',
        'origin_id   = "api"\n    custom_header {\n      name = "X-A"\n      value = "x\\ry"\n    }',
        "value: the value of a header cannot hold the end of a line",
    ),
    (
        'origin_id   = "api"',
        'origin_id   = "api"\n    custom_header {\n      name = "X-A"\n      value = "x\\u0000y"\n    }',
        "value: the value of a header cannot hold the end of a line",
    ),
    (
        'origin_id   = "api"',
        'origin_id   = "api"'
        + "".join(
            f'\n    custom_header {{\n      name = "{name}"\n      value = "x"\n    }}'
            for name in ("X-A", "x-a")
        ),
        "name: x-a is there twice",
    ),
    (
        'origin_id   = "api"',
        'origin_id   = "api"\n    s3_origin_config {\n      origin_access_identity = ""\n    }',
        "s3_origin_config: an origin is an S3 bucket or a custom one",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_what_cannot_be(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in ORIGIN
    found = read(tmp_path, distribution(origin=ORIGIN.replace(old, new)))
    finding = next(one for one in found.findings if one.code == "terraform.value")
    assert finding.level == "error"
    assert finding.message.startswith(message)


def test_old_tls_is_a_warning(tmp_path: Path) -> None:
    found = read(tmp_path, distribution(origin=ORIGIN.replace('["TLSv1.2"]', '["SSLv3", "TLSv1"]')))
    assert codes(found) == ["origin.tls_too_old"]


@pytest.mark.parametrize(
    ("mapped", "level", "host"), [(True, "warning", "api.invalid"), (False, "error", "api.invalid")]
)
def test_an_address_that_only_an_apply_knows(
    tmp_path: Path, mapped: bool, level: str, host: str
) -> None:
    text = (
        distribution(origin=ORIGIN.replace('"api.example.com"', "aws_lb.api.dns_name"))
        + 'resource "aws_lb" "api" {}\n'
    )
    found = read(
        tmp_path, text, '[local.origin]\napi = "http://127.0.0.1:1"\n' if mapped else "format = 1\n"
    )
    finding = only(found, "terraform.unresolved_reference")
    assert finding.level == level
    assert found.distributions[0].origins[0].domain == host
    if not mapped:
        assert '[local.origin]\napi = "http://127.0.0.1:9000"' in finding.hint


def test_groups(tmp_path: Path) -> None:
    two = ORIGIN + ORIGIN.replace('"api"', '"two"')
    group = (
        'origin_group {\n  origin_id = "g"\n  failover_criteria {\n'
        '    status_codes = %s\n  }\n  member {\n    origin_id = "api"\n  }\n  member {\n'
        '    origin_id = "%s"\n  }\n}\n'
    )
    behavior = BEHAVIOR.replace('"api"', '"g"')
    toml = '[local.origin]\napi = "live"\ntwo = "live"\n'
    good = read(
        tmp_path,
        distribution(origin=two, behavior=behavior, more=group % ("[503, 500]", "two")),
        toml,
    )
    assert said(good) == []
    assert good.distributions[0].groups[0].members == ("api", "two")
    assert good.distributions[0].groups[0].statuses == (500, 503)
    bad = read(
        tmp_path, distribution(origin=two, behavior=behavior, more=group % ("[418]", "three")), toml
    )
    assert [message for _, _, message in said(bad)] == [
        "failover_criteria: an origin group needs at least one status code",
        "status_codes: 418 is not among 400, 403, 404, 416, 429, 500, 502, 503, 504",
        'origin_id: there is no origin "three"',
    ]


def test_the_shield_of_the_project_file_stands_over_the_other(tmp_path: Path) -> None:
    text = ORIGIN.replace(
        'origin_id   = "api"',
        (
            'origin_id   = "api"\n    origin_shield {\n      enabled = true\n'
            '      origin_shield_region = "eu-west-1"\n    }'
        ),
    )
    found = read(tmp_path, distribution(origin=text))
    assert found.distributions[0].origins[0].shield == "eu-west-1"
    found = read(
        tmp_path,
        distribution(origin=text),
        '[origin.api]\nshield = "us-east"\n[local.origin]\napi = "live"\n',
    )
    assert found.distributions[0].origins[0].shield == "us-east"


def test_keys_of_toml() -> None:
    assert [key("API-Origin"), key("a.b"), key("a b")] == ["API-Origin", '"a.b"', '"a b"']
