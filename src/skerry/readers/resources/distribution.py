"""A distribution from its shape, and all of a project's distributions."""

from __future__ import annotations

import re

from skerry.readers.resources import behavior, identity, origin
from skerry.readers.resources.context import Context
from skerry.readers.resources.draw import Draw, unresolved
from skerry.readers.resources.shape import Resource
from skerry.readers.terraform.value import unknown_in
from skerry.spec.distribution import Behavior, Distribution, ErrorResponse, Origin, ViewerTls

ERROR_CODES = frozenset({400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504})
ALIAS = re.compile(r"^(\*\.)?([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)+[a-z0-9-]+$")
TLS_VIEWERS = (
    "SSLv3",
    "TLSv1",
    "TLSv1_2016",
    "TLSv1.1_2016",
    "TLSv1.2_2018",
    "TLSv1.2_2019",
    "TLSv1.2_2021",
    "TLSv1.2_2025",
    "TLSv1.3_2025",
)
BEHAVIORS_MAX, ORIGINS_MAX, ALIASES_MAX = 75, 100, 100  # rows 9, 70


def read_all(context: Context) -> tuple[Distribution, ...]:
    """Every distribution, and what they must not share."""
    found: list[Distribution] = []
    names: set[str] = set()
    hosts: dict[str, str] = {}
    for resource in context.resources:
        if resource.type != "aws_cloudfront_distribution":
            continue
        distribution = read(
            resource, resource.name if resource.name not in names else resource.address, context
        )
        names.add(distribution.name)
        for alias in distribution.aliases:
            if alias in hosts:
                context.report.add(
                    "distribution.alias_twice",
                    "error",
                    resource.shape.where("aliases"),
                    f"{context.report.called(alias)} is an alias of {hosts[alias]} already",
                    rule="API: CNAMEAlreadyExists",
                )
            hosts[alias] = distribution.name
        found.append(distribution)
    return tuple(found)


def read(resource: Resource, name: str, context: Context) -> Distribution:
    """One distribution. Its default behavior comes last, as `*`."""
    draw = Draw(resource.shape, context.report)
    origins = origins_of(draw, context)
    ids = {one.id for one in origins}
    read_groups = [origin.read_group(block, ids) for block in draw.each("origin_group")]
    groups = tuple(group for group in read_groups if group is not None)
    behaviors = behaviors_of(draw, ids | {group.id for group in groups}, context)
    for what, count, most in (
        ("behaviors", len(behaviors), BEHAVIORS_MAX),
        ("origins", len(origins), ORIGINS_MAX),
    ):
        if count > most:
            draw.wrong("origin", f"{count} {what} are more than {most}", rule="row 70")
    return Distribution(
        name=name,
        id=resource.ids.get("id") or identity.short(resource.address),
        aliases=aliases(draw),
        enabled=draw.flag("enabled", True),
        default_root_object=root_object(draw),
        origins=origins,
        groups=groups,
        behaviors=behaviors,
        error_responses=errors(draw),
        viewer_tls=viewer_tls(draw, context),
        http2=http2(draw),
        ipv6=draw.flag("is_ipv6_enabled"),
        comment=draw.text("comment"),
    )


def origins_of(draw: Draw, context: Context) -> tuple[Origin, ...]:
    """Its origins, each name once."""
    found: list[Origin] = []
    for block in draw.each("origin"):
        one = origin.read(block, context)
        if one is None:
            continue
        if any(other.id == one.id for other in found):
            hint = "each origin has an origin_id of its own"
            block.wrong(
                "origin_id", f"there are two origins {block.shown('origin_id', one.id)}", hint
            )
            continue
        found.append(one)
    if not draw.each("origin"):
        draw.wrong("origin", "a distribution needs an origin")
    return tuple(found)


def behaviors_of(draw: Draw, targets: set[str], context: Context) -> tuple[Behavior, ...]:
    """Its behaviors in order of precedence."""
    blocks = draw.each("ordered_cache_behavior")
    found = [behavior.read(block, targets, context) for block in blocks]
    patterns = [one.pattern for one in found]
    for block, pattern in zip(blocks, patterns, strict=True):
        if pattern and patterns.count(pattern) > 1:
            block.wrong(
                "path_pattern",
                f"two behaviors have the pattern {block.shown('path_pattern', pattern)}",
            )
    default = draw.into("default_cache_behavior")
    if default is None:
        draw.wrong("default_cache_behavior", "a distribution needs one")
        return tuple(found)
    return (*found, behavior.read(default, targets, context))


def http2(draw: Draw) -> bool:
    """http_version (row 10)."""
    version = draw.text("http_version", "http2", ("http1.1", "http2", "http3", "http2and3"))
    if "3" in version:
        instead = "HTTP/2" if version == "http2and3" else "HTTP/1.1"
        draw.report.add(
            "distribution.http3",
            "note",
            draw.where("http_version"),
            f"http_version = {draw.shown('http_version', version)}: HTTP/3 is not spoken yet, viewers use {instead}",
        )
    return version in ("http2", "http2and3")


def aliases(draw: Draw) -> tuple[str, ...]:
    """Hosts, lower case, wildcards as the leftmost label only (row 9)."""
    found = tuple(dict.fromkeys(name.lower() for name in draw.texts("aliases")))
    for name in found:
        if not ALIAS.match(name):
            draw.wrong(
                "aliases",
                f"{draw.shown('aliases', name)} is no host name",
                "a wildcard stands for the leftmost label",
                "row 9",
            )
    if len(found) > ALIASES_MAX:
        draw.wrong("aliases", f"{len(found)} aliases are more than {ALIASES_MAX}", rule="row 9")
    return found


def root_object(draw: Draw) -> str:
    """default_root_object (row 8)."""
    found = draw.text("default_root_object")
    if found.startswith("/"):
        draw.wrong(
            "default_root_object",
            f"{draw.shown('default_root_object', found)} must not start with a slash",
            "" if "default_root_object" in draw.shape.hidden else f'write "{found[1:]}"',
            "row 8",
        )
    if len(found) > 255:
        draw.wrong("default_root_object", "a name of more than 255 characters", rule="row 8")
    return found


def errors(draw: Draw) -> tuple[ErrorResponse, ...]:
    """custom_error_response (row 44)."""
    found: list[ErrorResponse] = []
    for row in draw.each("custom_error_response"):
        status = row.number("error_code", 0, 0, 599)
        if status not in ERROR_CODES:
            row.wrong(
                "error_code",
                f"{row.shown('error_code', status)} is not among {', '.join(map(str, sorted(ERROR_CODES)))}",
                rule="row 44",
            )
            continue
        if any(other.status == status for other in found):
            row.wrong("error_code", f"{row.shown('error_code', status)} is there twice")
        page = row.text("response_page_path")
        code = row.number("response_code", 0, 0, 599)
        if bool(page) != bool(code):
            row.wrong(
                "response_code", "response_code and response_page_path go together", rule="row 44"
            )
        if page and not page.startswith("/"):
            shown = row.shown("response_page_path", page)
            row.wrong("response_page_path", f"{shown} must start with a slash", rule="row 44")
        if code and code not in ERROR_CODES | {200}:
            row.wrong(
                "response_code",
                f"{row.shown('response_code', code)} is not among 200, {', '.join(map(str, sorted(ERROR_CODES)))}",
            )
        ttl = row.number("error_caching_min_ttl", 10, 0, 3_153_600_000)
        found.append(ErrorResponse(status, page or None, code or None, ttl))
    return tuple(found)


def viewer_tls(draw: Draw, context: Context) -> ViewerTls:
    """viewer_certificate (rows 10, 11). Whose certificate it is does not matter here: the local CA makes ours."""
    block = draw.into("viewer_certificate")
    if block is None:
        return ViewerTls()
    minimum = block.text("minimum_protocol_version", "TLSv1", TLS_VIEWERS)
    hidden = "minimum_protocol_version" in block.shape.hidden
    shown = block.shown("minimum_protocol_version", minimum) if hidden else minimum
    if block.raw("minimum_protocol_version") and not minimum.startswith(("TLSv1.2", "TLSv1.3")):
        context.report.add(
            "distribution.tls_too_old",
            "note",
            block.where("minimum_protocol_version"),
            f"{shown} admits viewers older than TLS 1.2, which are not spoken to here",
        )
    for name, words in (("acm_certificate_arn", "acm"), ("iam_certificate_id", "iam")):
        value = block.raw(name)
        if value in (None, ""):
            continue
        unknown = unknown_in(value)
        if unknown is not None:
            unresolved(
                context.report,
                unknown,
                "warning",
                "the local CA makes a certificate for every alias",
            )
            return ViewerTls(minimum, f"{words} ({unknown.reference})")
        return ViewerTls(minimum, f"{words} ({value})")
    if draw.raw("aliases") not in (None, []):
        context.report.add(
            "distribution.no_certificate",
            "warning",
            block.shape.place,
            "aliases need a certificate of their own, and viewer_certificate names none;"
            " the local CA makes one for every alias",
            "set acm_certificate_arn and ssl_support_method",
            "API: InvalidViewerCertificate",
        )
    return ViewerTls(minimum, "default")
