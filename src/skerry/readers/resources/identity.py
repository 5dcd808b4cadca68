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
    maker = MAKERS.get(type_name)
    return maker(address, configured, region) if maker is not None else {}


def bucket(address: str, configured: dict[str, str], region: str) -> dict[str, str]:
    """aws_s3_bucket."""
    name = configured.get("bucket") or bucket_name(address)
    return {
        "bucket": name,
        "arn": f"arn:aws:s3:::{name}",
        "bucket_domain_name": f"{name}.s3.amazonaws.com",
        "bucket_regional_domain_name": f"{name}.s3.{region}.amazonaws.com",
        "region": region,
        **website(address, {"bucket": name}, region),
    }


def website(address: str, configured: dict[str, str], region: str) -> dict[str, str]:
    """aws_s3_bucket_website_configuration."""
    name = configured.get("bucket")
    if not name:
        return {}
    domain = f"s3-website-{region}.amazonaws.com"
    return {"id": name, "website_endpoint": f"{name}.{domain}", "website_domain": domain}


def access_identity(address: str, configured: dict[str, str], region: str) -> dict[str, str]:
    """aws_cloudfront_origin_access_identity."""
    name = short(address)
    user = "user/CloudFront Origin Access Identity"
    return {
        "id": name,
        "cloudfront_access_identity_path": f"origin-access-identity/cloudfront/{name}",
        "iam_arn": f"arn:aws:iam::cloudfront:{user} {name}",
        "s3_canonical_user_id": hashlib.sha512(address.encode()).hexdigest()[:96],
    }


def access_control(address: str, configured: dict[str, str], region: str) -> dict[str, str]:
    """aws_cloudfront_origin_access_control."""
    return {"id": short(address)}


def certificate(address: str, configured: dict[str, str], region: str) -> dict[str, str]:
    """aws_acm_certificate: CloudFront's stand in us-east-1."""
    arn = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/{long(address)}"
    return {"id": arn, "arn": arn}


def policy(address: str, configured: dict[str, str], region: str) -> dict[str, str]:
    """Policies and key groups."""
    return {"id": long(address)}


def viewer_function(address: str, configured: dict[str, str], region: str) -> dict[str, str]:
    """aws_cloudfront_function."""
    name = configured.get("name") or bucket_name(address)
    return {"arn": f"arn:aws:cloudfront::{ACCOUNT}:function/{name}"}


def distribution(address: str, configured: dict[str, str], region: str) -> dict[str, str]:
    """aws_cloudfront_distribution."""
    name = short(address)
    return {
        "id": name,
        "arn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/{name}",
        "domain_name": f"{name.lower()}.cloudfront.net",
        "hosted_zone_id": "Z2FDTNDATAQYW2",  # the same for every distribution (Route 53)
    }


def lambda_function(address: str, configured: dict[str, str], region: str) -> dict[str, str]:
    """aws_lambda_function: at the edge it stands in us-east-1, and each change is a version here."""
    name = configured.get("function_name") or bucket_name(address)
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}"
    return {"id": name, "arn": arn, "version": "1", "qualified_arn": f"{arn}:1"}


MAKERS = {
    "aws_acm_certificate": certificate,
    "aws_cloudfront_cache_policy": policy,
    "aws_cloudfront_distribution": distribution,
    "aws_cloudfront_function": viewer_function,
    "aws_cloudfront_key_group": policy,
    "aws_cloudfront_origin_access_control": access_control,
    "aws_cloudfront_origin_access_identity": access_identity,
    "aws_cloudfront_origin_request_policy": policy,
    "aws_cloudfront_response_headers_policy": policy,
    "aws_iam_server_certificate": certificate,
    "aws_lambda_function": lambda_function,
    "aws_s3_bucket": bucket,
    "aws_s3_bucket_website_configuration": website,
}


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
