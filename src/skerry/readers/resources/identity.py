"""Ids as the cloud would give them, derived from a resource's address so that they never change."""

from __future__ import annotations

import hashlib
import uuid

ACCOUNT = "000000000000"  # there is none; functions and ARNs show that
REGION = "us-east-1"
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def number(address: str) -> int:
    """A number that depends on the address alone."""
    return int.from_bytes(hashlib.sha256(address.encode()).digest(), "big")


def short(address: str, prefix: str = "E") -> str:
    """E and 13 letters or digits: distributions, access identities and controls."""
    found, rest = "", number(address)
    for _ in range(13):
        rest, digit = divmod(rest, len(LETTERS))
        found += LETTERS[digit]
    return prefix + found


def long(address: str) -> str:
    """A UUID: policies, certificates, key groups."""
    return str(uuid.UUID(int=number(address) % 2**128, version=4))


def bucket_name(address: str) -> str:
    """A bucket that has no name in the files: Terraform would make one up, too."""
    return f"{address.rsplit('.', 1)[-1].split('[')[0].replace('_', '-').lower()}"


def computed(
    address: str, type_name: str, configured: dict[str, str], region: str
) -> dict[str, str]:
    """What the cloud would compute for a resource, as far as we can say it.

    configured: the arguments that are known texts. Names are those of the AWS provider's attributes.
    """
    if type_name == "aws_s3_bucket":
        bucket = configured.get("bucket") or bucket_name(address)
        return {
            "id": bucket,
            "bucket": bucket,
            "arn": f"arn:aws:s3:::{bucket}",
            "bucket_domain_name": f"{bucket}.s3.amazonaws.com",
            "bucket_regional_domain_name": f"{bucket}.s3.{region}.amazonaws.com",
            "region": region,
            "website_endpoint": f"{bucket}.s3-website-{region}.amazonaws.com",
            "website_domain": f"s3-website-{region}.amazonaws.com",
        }
    if type_name == "aws_s3_bucket_website_configuration" and configured.get("bucket"):
        bucket = configured["bucket"]
        return {
            "id": bucket,
            "website_endpoint": f"{bucket}.s3-website-{region}.amazonaws.com",
            "website_domain": f"s3-website-{region}.amazonaws.com",
        }
    if type_name == "aws_cloudfront_origin_access_identity":
        name = short(address)
        return {
            "id": name,
            "cloudfront_access_identity_path": f"origin-access-identity/cloudfront/{name}",
            "iam_arn": f"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity {name}",
            "s3_canonical_user_id": hashlib.sha512(address.encode()).hexdigest()[:96],
        }
    if type_name == "aws_cloudfront_origin_access_control":
        return {"id": short(address)}
    if type_name in ("aws_acm_certificate", "aws_iam_server_certificate"):
        arn = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{long(address)}"
        return {"id": arn, "arn": arn}
    if type_name in ("aws_cloudfront_cache_policy", "aws_cloudfront_origin_request_policy"):
        return {"id": long(address)}
    if type_name in ("aws_cloudfront_response_headers_policy", "aws_cloudfront_key_group"):
        return {"id": long(address)}
    if type_name == "aws_cloudfront_function":
        return {
            "arn": f"arn:aws:cloudfront::{ACCOUNT}:function/{configured.get('name') or bucket_name(address)}"
        }
    if type_name == "aws_cloudfront_distribution":
        name = short(address)
        return {
            "id": name,
            "arn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/{name}",
            "domain_name": f"{name.lower()}.cloudfront.net",
            "hosted_zone_id": "Z2FDTNDATAQYW2",  # the same for every distribution (Route 53 documentation)
        }
    if type_name == "aws_lambda_function":
        name = configured.get("function_name") or bucket_name(address)
        arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
        return {"id": name, "arn": arn, "version": "1", "qualified_arn": f"{arn}:1"}
    return {}


def data(type_name: str, region: str) -> dict[str, str]:
    """What data sources say that ask nobody but the provider's own settings."""
    return {
        "aws_caller_identity": {
            "account_id": ACCOUNT,
            "id": ACCOUNT,
            "arn": f"arn:aws:iam::{ACCOUNT}:root",
        },
        "aws_region": {"name": region, "id": region, "region": region},
        "aws_partition": {"partition": "aws", "id": "aws", "dns_suffix": "amazonaws.com"},
    }.get(type_name, {})
