"""The smallest project that serves a page: one distribution, one bucket that is a folder, no function."""

from __future__ import annotations

from pathlib import Path

TF = """
resource "aws_cloudfront_distribution" "web" {
  enabled             = true
  default_root_object = "index.html"
  origin {
    origin_id   = "site"
    domain_name = "site.s3.us-east-1.amazonaws.com"
    s3_origin_config { origin_access_identity = "" }
  }
  default_cache_behavior {
    target_origin_id       = "site"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    viewer_protocol_policy = "allow-all"
    cache_policy_id        = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  }
  restrictions {
    geo_restriction { restriction_type = "none" }
  }
  viewer_certificate { cloudfront_default_certificate = true }
}
"""
TOML = 'format = 1\nname = "tiny"\n[local.origin]\nsite = "./site"\n'


def write(root: Path) -> Path:
    """Write it into a folder; the folder."""
    (root / "site").mkdir()
    (root / "site" / "index.html").write_text("<h1>hello</h1>")
    (root / "main.tf").write_text(TF)
    (root / "skerry.toml").write_text(TOML)
    return root
