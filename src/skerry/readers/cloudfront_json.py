"""What `aws cloudfront get-distribution-config` prints → resources.

CloudFront's own words (API 2020-05-31) become those of the Terraform resource, which are a plain renaming of them:
so one table says what becomes of every argument, whoever wrote it.
"""

from __future__ import annotations

import re
from pathlib import Path

from skerry.base.finding import Place
from skerry.readers.report import Report
from skerry.readers.resources import arguments, identity
from skerry.readers.resources.shape import Resource, Shape

KIND = "aws_cloudfront_distribution"
WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Words that are no plain renaming, and names that Terraform has in the singular.
RENAMED = {
    "ACMCertificateArn": "acm_certificate_arn",
    "CacheBehaviors": "ordered_cache_behavior",
    "CloudFrontDefaultCertificate": "cloudfront_default_certificate",
    "CustomErrorResponses": "custom_error_response",
    "CustomHeaders": "custom_header",
    "FunctionARN": "function_arn",
    "FunctionAssociations": "function_association",
    "HTTPPort": "http_port",
    "HTTPSPort": "https_port",
    "HeaderName": "name",
    "HeaderValue": "value",
    "IAMCertificateId": "iam_certificate_id",
    "IsIPV6Enabled": "is_ipv6_enabled",
    "LambdaFunctionARN": "lambda_arn",
    "LambdaFunctionAssociations": "lambda_function_association",
    "Logging": "logging_config",
    "Members": "member",
    "OriginGroups": "origin_group",
    "Origins": "origin",
    "S3OriginConfig": "s3_origin_config",
    "WebACLId": "web_acl_id",
}
# Members that Terraform's resource has no word for: fine with this value, refused by name with another.
ONLY: dict[str, object] = {
    "CallerReference": None,  # None: any value
    "Certificate": None,
    "CertificateSource": None,
    "ConnectionMode": "direct",
    "OriginHttpVersion": "http1.1",
    "SelectionCriteria": "default",
    "TenantConfig": {},
}
Json = dict[str, object]


def is_distribution(document: object) -> bool:
    """Is it a distribution's configuration, with or without what the commands print around it?"""
    return bool(config_of(document))


def config_of(document: object) -> Json:
    """DistributionConfig itself."""
    if not isinstance(document, dict):
        return {}
    around = document.get("Distribution")
    inner = around if isinstance(around, dict) else document
    found = inner.get("DistributionConfig", inner)
    good = isinstance(found, dict) and "DefaultCacheBehavior" in found and "Origins" in found
    return found if good else {}


def read(document: Json, path: Path, report: Report) -> list[Resource]:
    """The distribution. Its name is the file's."""
    around = document.get("Distribution")
    given = around.get("Id") if isinstance(around, dict) else document.get("Id")
    name = path.stem
    address = f"{KIND}.{name}"
    shape = convert(config_of(document), KIND, Place(report.name(path)), report)
    ids = {"id": given if isinstance(given, str) else identity.short(address)}
    return [
        Resource(address=address, type=KIND, name=name, shape=shape, folder=path.parent, ids=ids)
    ]


def snake(name: str) -> str:
    """HttpVersion → http_version."""
    return RENAMED.get(name) or WORDS.sub("_", name).lower()


def convert(found: Json, path: str, place: Place, report: Report) -> Shape:
    """A structure and those in it."""
    shape = Shape(path, place)
    for member, value in found.items():
        if member in ONLY:
            if ONLY[member] is not None and value not in (ONLY[member], None, ""):
                report.add(
                    "terraform.not_built",
                    "error",
                    place,
                    f"{member} = {value}: only {ONLY[member] or 'none'} is built",
                )
            continue
        put(
            shape,
            "origin_id" if member == "Id" and path.count(".") == 1 else snake(member),
            value,
            place,
            report,
        )
    return shape


def put(shape: Shape, name: str, value: object, place: Place, report: Report) -> None:
    """One member: an argument, a block, or several."""
    if isinstance(value, dict) and name == "allowed_methods":
        shape.values["cached_methods"] = unwrapped(value.get("CachedMethods"))
        value = {"Items": value.get("Items")}
    if (
        name == "logging_config"
        and isinstance(value, dict)
        and not (value.get("Enabled") or value.get("Bucket"))
    ):
        return
    if name == "logging_config" and isinstance(value, dict):
        value = {key: item for key, item in value.items() if key != "Enabled"}
    if name == "geo_restriction" and isinstance(value, dict):
        value = {"RestrictionType": value.get("RestrictionType"), "Locations": unwrapped(value)}
    value = unwrapped(value) if wrapper(value) else value
    inner = f"{shape.kind}.{name}"
    blocks = value if isinstance(value, list) else [value]
    if any(isinstance(block, dict) for block in blocks):
        rows = [block for block in blocks if isinstance(block, dict)]
        shape.blocks[name] = [convert(block, inner, place, report) for block in rows]
    elif not (value == [] and arguments.of(inner) is not None) and value is not None:
        shape.values[name] = value


def wrapper(value: object) -> bool:
    """Is it a list as the API has them: Quantity, Items, and whether it is enabled?"""
    return (
        isinstance(value, dict)
        and value.keys() <= {"Quantity", "Items", "Enabled"}
        and ("Quantity" in value or "Items" in value)
    )


def unwrapped(value: object) -> object:
    """The list itself."""
    items = value.get("Items") if isinstance(value, dict) else None
    return items if isinstance(items, list) else []
