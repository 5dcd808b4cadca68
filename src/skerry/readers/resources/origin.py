"""Origins and origin groups (rows 13 to 23)."""

from __future__ import annotations

import re
from typing import Literal

from skerry.readers.report import Report
from skerry.readers.resources.context import Context
from skerry.readers.resources.draw import Draw, unresolved
from skerry.readers.terraform.value import Unknown, unknown_in
from skerry.spec.distribution import Origin, OriginGroup, OriginHeader, OriginProtocol

S3_HOST = re.compile(
    r"^(?P<bucket>[a-z0-9.-]+)\.s3(?:[.-](?:dualstack\.)?(?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?$"
)
HOST = re.compile(
    r"^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$"
)
# Developer Guide, "Custom headers that CloudFront can't add to origin requests" (row 20).
HEADERS_REFUSED = frozenset(
    {
        "cache-control", "connection", "content-length", "cookie", "host", "if-match",
        "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "max-forwards",
        "pragma", "proxy-authenticate", "proxy-authorization", "proxy-connection", "range",
        "request-range", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-real-ip",
    }
)  # fmt: skip
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2, token
LINE_ENDS = frozenset("\r\n\0")  # RFC 9110 5.5: never in a value
Access = Literal["none", "oai", "oac"]
SSL = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
FAILOVER = frozenset({400, 403, 404, 416, 429, 500, 502, 503, 504})


def read(draw: Draw, context: Context) -> Origin | None:
    """One origin; None where not even its name can be told."""
    name = draw.need("origin_id")
    if not name:
        return None
    access, access_type = access_of(draw, context)
    s3, custom, vpc = (draw.into(f"{kind}_origin_config") for kind in ("s3", "custom", "vpc"))
    domain = domain_of(draw, name, s3 is not None, context)
    match = S3_HOST.match(domain)
    if custom is not None and s3 is not None:
        draw.wrong("s3_origin_config", "an origin is an S3 bucket or a custom one, not both")
    plain = custom is None and vpc is None
    is_s3 = plain and (s3 is not None or match is not None or access_type == "s3")
    if plain and not is_s3:
        no_kind(draw, name, domain)
    if s3 is not None:
        access = identity_of(s3, access, context.report)
    connect = custom or vpc
    read_timeout = (connect or s3 or draw).number("origin_read_timeout", 30, 1, 180)
    region = (match.group("region") if match else None) or "us-east-1"
    return Origin(
        id=name,
        domain=domain,
        kind="s3" if is_s3 else "custom",
        path=path_of(draw),
        # S3 answers both; CloudFront uses what the viewer used
        protocol=protocol_of(custom) if custom else "match-viewer" if is_s3 else "https-only",
        http_port=port(custom, "http_port", 80) if custom else 80,
        https_port=port(custom, "https_port", 443) if custom else 443,
        ssl_protocols=ssl_of(custom) if custom else ("TLSv1.2",),
        connect_timeout_s=float(draw.number("connection_timeout", 10, 1, 10)),
        connect_attempts=draw.number("connection_attempts", 3, 1, 3),
        read_timeout_s=float(read_timeout),
        keepalive_s=float((connect or draw).number("origin_keepalive_timeout", 5, 1, 180)),
        completion_timeout_s=completion_of(draw, read_timeout),
        headers=headers_of(draw),
        shield=shield_of(draw, name, context),
        access=access if is_s3 or access == "oac" else "none",
        region=region if is_s3 else None,
    )


def no_kind(draw: Draw, name: str, domain: str) -> None:
    """Neither a bucket nor custom_origin_config."""
    called = draw.report.called
    draw.report.add(
        "origin.no_kind",
        "warning",
        draw.shape.place,
        f"the origin {called(name)} has neither s3_origin_config nor custom_origin_config, and"
        f" {called(domain)} is no bucket;"
        " read as a custom origin over HTTPS",
        "add custom_origin_config { … }: CloudFront refuses the origin without it",
        "API: InvalidOrigin",
    )


def protocol_of(custom: Draw) -> OriginProtocol:
    """What is spoken to a custom origin."""
    words: dict[str, OriginProtocol] = {
        "http-only": "http-only",
        "https-only": "https-only",
        "match-viewer": "match-viewer",
    }
    return words[custom.need("origin_protocol_policy", tuple(words)) or "https-only"]


def path_of(draw: Draw) -> str:
    """origin_path: what is put before every path (row 13)."""
    path = draw.text("origin_path")
    if path and (not path.startswith("/") or path.endswith("/")):
        message = f"{draw.shown('origin_path', path)} must start with a slash and not end with one"
        draw.wrong("origin_path", message, rule="row 13")
    return path.rstrip("/")


def completion_of(draw: Draw, read_timeout: int) -> float | None:
    """response_completion_timeout: of the whole response; none where it is not set (row 17)."""
    found = draw.number("response_completion_timeout", 0, 0, 3600)
    if found and found < read_timeout:
        own = draw.shown("response_completion_timeout", found)
        message = f"{own} s is less than the read timeout"
        draw.wrong("response_completion_timeout", message)
    return float(found) if found else None


def domain_of(draw: Draw, name: str, is_s3: bool, context: Context) -> str:
    """The origin's host. Where it cannot be known, a name that says so, which matters only if it is not mapped."""
    value = draw.raw("domain_name")
    unknown = unknown_in(value)
    if unknown is None:
        domain = draw.need("domain_name")
        if domain and not HOST.match(domain):
            draw.wrong(
                "domain_name",
                f"{draw.shown('domain_name', domain)} is no host name",
                "write the host alone: no scheme, port or path",
            )
        draw.hide("domain_name", domain.lower())
        return domain.lower()
    stand_in = stand_in_for(unknown, name, is_s3)
    called = context.report.called(name)
    host = stand_in if called == name else "a name of its own"
    if name in context.local_origins:
        unresolved(
            context.report,
            unknown,
            "warning",
            f"the origin {called} is mapped in [local.origin], and handlers see {host} as its host",
            unknown.hint,
        )
    else:
        context.report.want("origin", name)
        address = '"./site"' if is_s3 else '"http://127.0.0.1:9000"'
        unresolved(
            context.report,
            unknown,
            "error",
            f"the origin {called} has no address",
            f"say in skerry.toml where it is meanwhile:\n[local.origin]\n{key(called)} = {address}",
        )
    return stand_in


def stand_in_for(unknown: Unknown, name: str, is_s3: bool) -> str:
    """A host for an origin whose own is not known."""
    if is_s3 or ".aws_s3_bucket." in f".{unknown.root}":
        bucket = unknown.root.split("[")[0].rsplit(".", 1)[-1].replace("_", "-").lower()
        return f"{bucket}.s3.us-east-1.amazonaws.com"
    slug = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-") or "origin"
    return f"{slug}.invalid"  # RFC 6761: never resolves


def key(name: str) -> str:
    """A name as a TOML key."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'


def access_of(draw: Draw, context: Context) -> tuple[Access, str]:
    """Origin access control: `oac` or `none`, and the kind of origin it is for."""
    value = draw.raw("origin_access_control_id")
    if value in (None, ""):
        return "none", ""
    unknown = unknown_in(value)
    if unknown is not None:
        unresolved(
            context.report, unknown, "warning", "the origin counts as one with an access control"
        )
        return "oac", ""
    found = context.by_id.get(str(value))
    if found is None or found.type != "aws_cloudfront_origin_access_control":
        return "oac", ""
    control = Draw(found.shape, context.report)
    kind = control.text("origin_access_control_origin_type", "s3")
    behavior = control.text("signing_behavior", "always")
    return ("none" if behavior == "never" else "oac"), kind


def identity_of(s3: Draw, access: Access, report: Report) -> Access:
    """Origin access identity: its path matters to the bucket's policy alone, so an unknown one is no more than said."""
    value = s3.raw("origin_access_identity")
    unknown = unknown_in(value)
    if unknown is not None:
        unresolved(report, unknown, "warning", "the origin counts as one with an access identity")
        return "oai"
    return "oai" if value not in (None, "") else access


def port(draw: Draw, name: str, default: int) -> int:
    """80, 443, or 1024 to 65535 (row 13)."""
    found = draw.number(name, default, 1, 65535)
    if found not in (80, 443) and found < 1024:
        draw.wrong(
            name, f"{draw.shown(name, found)} is not 80, 443, or 1024 to 65535", rule="row 13"
        )
    return found


def ssl_of(custom: Draw) -> tuple[str, ...]:
    """TLS versions towards the origin."""
    found = custom.texts("origin_ssl_protocols") or ("TLSv1.2",)
    hidden = "origin_ssl_protocols" in custom.shape.hidden

    def shown(version: str) -> str:
        return custom.shown("origin_ssl_protocols", version)

    spoken = shown("") if hidden else ", ".join(found)
    for version in found:
        if version not in SSL:
            custom.wrong("origin_ssl_protocols", f"{shown(version)} is not among {', '.join(SSL)}")
    http = custom.raw("origin_protocol_policy") == "http-only"
    if not http and not {"TLSv1.2", "TLSv1.3"} & set(found):
        custom.report.add(
            "origin.tls_too_old",
            "warning",
            custom.where("origin_ssl_protocols"),
            f"{spoken} is not spoken here: connections to this origin use TLS 1.2 or newer",
            'add "TLSv1.2"',
        )
    return found


def headers_of(draw: Draw) -> tuple[OriginHeader, ...]:
    """Custom headers."""
    found: list[OriginHeader] = []
    for row in draw.each("custom_header"):
        name, value = row.need("name"), row.text("value")
        lower = name.lower()
        shown = row.shown("name", name) if "name" in row.shape.hidden else name
        if lower in HEADERS_REFUSED or lower.startswith(("x-amz-", "x-edge-")):
            row.wrong(
                "name", f"CloudFront does not let an origin have its own {shown}", rule="row 20"
            )
        elif any(other.name.lower() == lower for other in found):
            row.wrong("name", f"{shown} is there twice")
        elif name and not HEADER_NAME.fullmatch(name):
            row.wrong("name", f"{row.shown('name', name)} is no name of a header")
        if LINE_ENDS.intersection(value):
            row.wrong(
                "value",
                "the value of a header cannot hold the end of a line, or NUL",
                "trimspace(…) takes off the line end that a file's text ends with",
            )
        elif name:
            found.append(OriginHeader(name, value))
    return tuple(found)


def shield_of(draw: Draw, name: str, context: Context) -> str | None:
    """The tier in front of an origin: [origin.NAME] shield stands over origin_shield."""
    chosen = context.shields.get(name)
    if chosen:
        return chosen
    block = draw.into("origin_shield")
    if block is None or not block.flag("enabled"):
        return None
    return block.need("origin_shield_region") or None


def read_group(draw: Draw, origins: set[str]) -> OriginGroup | None:
    """An origin group (row 22)."""
    name = draw.need("origin_id")
    members: list[str] = []
    for member in draw.each("member"):
        origin = member.need("origin_id")
        if origin and origin not in origins:
            member.wrong(
                "origin_id",
                f"there is no origin {member.shown('origin_id', origin)}",
                f"there are: {', '.join(map(draw.report.called, sorted(origins)))}",
            )
        members.append(origin)
    if len(members) != 2:
        draw.wrong(
            "member", f"an origin group has two members, this has {len(members)}", rule="row 22"
        )
    criteria = draw.into("failover_criteria")
    statuses: list[int] = []
    value = criteria.known("status_codes") if criteria is not None else None
    for status in value if isinstance(value, list) else []:
        if status not in FAILOVER and criteria is not None:
            criteria.wrong(
                "status_codes",
                f"{criteria.shown('status_codes', status)} is not among"
                f" {', '.join(map(str, sorted(FAILOVER)))}",
            )
        elif isinstance(status, int):
            statuses.append(status)
    if not statuses:
        draw.wrong("failover_criteria", "an origin group needs at least one status code")
    if name in origins:
        draw.wrong("origin_id", f"{draw.shown('origin_id', name)} is the name of an origin already")
    return OriginGroup(name, tuple(members), tuple(sorted(statuses))) if name else None
