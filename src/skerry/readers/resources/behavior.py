"""Behaviors: which requests, which origin, what key, which functions (rows 1 to 7, 24 to 36, 76)."""

from __future__ import annotations

import re

import msgspec

from skerry.readers.resources import lambda_function, policy
from skerry.readers.resources.context import Context
from skerry.readers.resources.draw import Draw
from skerry.readers.resources.managed import ALL_METHODS
from skerry.readers.terraform.value import unknown_in
from skerry.spec.distribution import (
    Association,
    Behavior,
    Event,
    ForwardPolicy,
    KeyPolicy,
    Method,
    Ttl,
    ViewerProtocol,
)

METHOD_SETS = ({"GET", "HEAD"}, {"GET", "HEAD", "OPTIONS"}, set(ALL_METHODS))
EVENTS = ("viewer-request", "origin-request", "origin-response", "viewer-response")
PATTERN = re.compile(r"^[A-Za-z0-9_.*$/~\"'@:+&?-]{1,255}$")  # row 2


def read(draw: Draw, origins: set[str], context: Context) -> Behavior:
    """One behavior; `*` where the block has no path_pattern."""
    is_default = draw.block == "default_cache_behavior"
    pattern = "*" if is_default else draw.need("path_pattern")
    if pattern and not PATTERN.match(pattern):
        draw.wrong(
            "path_pattern",
            f"{draw.shown('path_pattern', pattern)} holds characters that a pattern cannot have",
            rule="row 2",
        )
    origin = draw.need("target_origin_id")
    if origin and origin not in origins:
        draw.wrong(
            "target_origin_id",
            f"there is no origin or origin group {draw.shown('target_origin_id', origin)}",
            f"there are: {', '.join(map(context.report.called, sorted(origins))) or 'none'}",
        )
    allowed, cached = methods(draw)
    compress = draw.flag("compress")
    key, forward, ttl = caching(draw, pattern, compress, context)
    headers = policy.find(
        draw, "response_headers_policy_id", "aws_cloudfront_response_headers_policy", context
    )
    protocol = (
        draw.need("viewer_protocol_policy", ("allow-all", "https-only", "redirect-to-https"))
        or "allow-all"
    )
    return Behavior(
        pattern=pattern,
        origin=origin,
        allowed_methods=allowed,
        cached_methods=cached,
        viewer_protocol=msgspec.convert(protocol, ViewerProtocol),
        key=key,
        forward=forward,
        ttl=ttl,
        compress=compress,
        functions=associations(draw, context),
        response_headers=policy.response_headers(headers, context),
    )


def methods(draw: Draw) -> tuple[tuple[Method, ...], tuple[Method, ...]]:
    """Allowed and cached methods: one of three sets, and GET, HEAD with or without OPTIONS (rows 4, 5)."""
    allowed = set(draw.texts("allowed_methods")) or METHOD_SETS[0]
    cached = set(draw.texts("cached_methods")) or METHOD_SETS[0]
    if allowed not in METHOD_SETS:
        draw.wrong(
            "allowed_methods",
            "these are none of the three sets there are",
            "GET, HEAD · GET, HEAD, OPTIONS · all seven",
            "row 4",
        )
        allowed = METHOD_SETS[2]
    if cached not in METHOD_SETS[:2] or not cached <= allowed:
        draw.wrong("cached_methods", "GET and HEAD, with OPTIONS if that is allowed", rule="row 5")
        cached = METHOD_SETS[0]

    def row(chosen: set[str]) -> tuple[Method, ...]:
        return msgspec.convert(
            tuple(name for name in ALL_METHODS if name in chosen), tuple[Method, ...]
        )

    return row(allowed), row(cached)


def caching(
    draw: Draw, pattern: str, compress: bool, context: Context
) -> tuple[KeyPolicy, ForwardPolicy, Ttl]:
    """A cache policy with or without an origin request policy, or forwarded_values, or an assumption."""
    has_policy = draw.raw("cache_policy_id") not in (None, "")
    legacy = draw.into("forwarded_values")
    request_policy = policy.find(
        draw, "origin_request_policy_id", "aws_cloudfront_origin_request_policy", context
    )
    if has_policy:
        if legacy is not None:
            draw.wrong(
                "forwarded_values",
                "a behavior has a cache policy or forwarded_values, not both",
                "remove forwarded_values",
                "API: InvalidArgument",
            )
        written = [
            name
            for name in ("min_ttl", "default_ttl", "max_ttl")
            if draw.raw(name) not in (None, 0)
        ]
        if written:
            context.report.add(
                "ttl.beside_policy",
                "warning",
                draw.where(written[0]),
                f"{', '.join(written)} count for nothing beside a cache policy, whose own TTLs hold",
                "remove them, or set them in the policy",
            )
        found = policy.find(draw, "cache_policy_id", "aws_cloudfront_cache_policy", context)
        if found is None:
            return KeyPolicy(), ForwardPolicy(), Ttl()
        key, ttl = policy.cache_policy(found, context)
        return key, policy.forward_policy(request_policy, context), ttl
    if legacy is None:
        context.report.add(
            "behavior.no_policy",
            "warning",
            draw.shape.place,
            f"the behavior {context.report.called(pattern)} has neither cache_policy_id nor"
            " forwarded_values: read as forwarded_values without"
            " query strings, cookies and headers, with its own TTLs",
            'add cache_policy_id = data.aws_cloudfront_cache_policy.NAME.id, where name = "Managed-CachingOptimized"',
            "API: CloudFront refuses the behavior with InvalidArgument",
        )
    if request_policy is not None:
        draw.wrong(
            "origin_request_policy_id",
            "an origin request policy needs a cache policy beside it",
            "add cache_policy_id",
        )
    return policy.legacy(legacy, compress, policy.ttl_of(draw))


def associations(draw: Draw, context: Context) -> tuple[Association, ...]:
    """Lambda@Edge functions: one for each event, bodies on request events only (functions, 1.2)."""
    found: dict[str, Association] = {}
    for row in draw.each("lambda_function_association"):
        event = row.need("event_type", EVENTS)
        if not event:
            continue
        if event in found:
            row.wrong(
                "event_type",
                f"{event} has two functions",
                "one function for each event of a behavior",
                "Developer Guide: Restrictions on edge functions",
            )
            continue
        body = row.flag("include_body")
        if body and not event.endswith("-request"):
            row.wrong(
                "include_body",
                f"{event} has no request body",
                "set it on viewer-request or origin-request",
                "API: InvalidLambdaFunctionAssociation",
            )
        value = row.raw("lambda_arn")
        if value in (None, ""):
            row.need("lambda_arn")
            continue
        name = lambda_function.resolve(
            unknown_in(value) or value, row.where("lambda_arn"), context, row.shape
        )
        if name is not None:
            found[event] = Association(msgspec.convert(event, Event), name, body)
    return tuple(found[event] for event in EVENTS if event in found)
