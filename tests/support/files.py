"""Small projects written into a folder, and read from there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from skerry.base.finding import Finding
from skerry.readers import project
from skerry.spec.project import Project

# What a distribution has to have, so that a test writes only what it is about.
ORIGIN = """
  origin {
    origin_id   = "api"
    domain_name = "api.example.com"
    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }
"""
BEHAVIOR = """
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    target_origin_id       = "api"
    viewer_protocol_policy = "allow-all"
    cache_policy_id        = "658327ea-f89d-4fab-a63d-7e88639e58f6"
"""
REST = """
  enabled = true
  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }
  viewer_certificate {
    cloudfront_default_certificate = true
  }
"""
TOML = 'format = 1\nname = "test"\n[local.origin]\napi = "http://127.0.0.1:9000"\n'


def distribution(
    *,
    top: str = "",
    origin: str = ORIGIN,
    behavior: str = BEHAVIOR,
    more: str = "",
    rest: str = REST,
) -> str:
    """A distribution. behavior: the default one's body; more: behind it in the distribution."""
    default = f"  default_cache_behavior {{\n{behavior}\n  }}\n"
    return f'resource "aws_cloudfront_distribution" "main" {{\n{top}\n{origin}{default}{more}{rest}}}\n'


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Files by name; folders are made."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def read(
    folder: Path,
    terraform: str = "",
    toml: str = TOML,
    *,
    files: Mapping[str, str] | None = None,
    variables: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Project:
    """A project of one Terraform file, with whatever else."""
    write(folder, {"main.tf": terraform, "skerry.toml": toml, **(files or {})})
    return project.read(folder, variables=variables, environment=environment or {}, python=(3, 11))


def said(found: Project, *levels: str) -> list[tuple[str, str, str]]:
    """Level, code and message of each finding."""
    wanted = levels or ("error", "warning", "note")
    return [(one.level, one.code, one.message) for one in found.findings if one.level in wanted]


def codes(found: Project, *levels: str) -> list[str]:
    """The codes of findings of these levels."""
    return [code for _, code, _ in said(found, *(levels or ("error", "warning")))]


def only(found: Project, code: str) -> Finding:
    """The one finding of that code."""
    matching = [one for one in found.findings if one.code == code]
    assert len(matching) == 1, said(found)
    return matching[0]
