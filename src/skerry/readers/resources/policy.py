"""Policies: cache, origin request, response headers, and the legacy settings that stood in their place."""

from __future__ import annotations

import msgspec

from skerry.base.finding import Severity
from skerry.readers.resources import managed
from skerry.readers.resources.context import Context
from skerry.readers.resources.draw import Draw, unresolved
from skerry.readers.resources.shape import Shape
from skerry.readers.terraform.value import unknown_in
from skerry.spec.distribution import (
    Cors,
    ForwardPolicy,
    Header,
    HeaderSelection,
    KeyPolicy,
    ResponseHeaders,
    Selection,
    Ttl,
)

TTL_MAX = 3_153_600_000  # a hundred years (row 35)
SELECTIONS = {"none": "none", "whitelist": "list", "allExcept": "all_except", "all": "all"}
XSS = "X-XSS-Protection"
REFERRER = (
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
)
KEY_REFUSED = (
    "cloudfront-viewer-address",
    "cloudfront-viewer-asn",
    "cloudfront-viewer-tls",
)  # row 66


def find(draw: Draw, name: str, kind: str, context: Context) -> Shape | managed.Managed | None:
    """The policy that an argument names: a resource, a managed one, or None with a finding."""
    value = draw.raw(name)
    if value in (None, ""):
        return None
    unknown = unknown_in(value)
    if unknown is not None:
        unresolved(
            context.report, unknown, "error", f"{name} of this {draw.block} cannot be without it"
        )
        return None
    found = context.by_id.get(str(value))
    if found is not None and found.type == kind:
        return found.shape
    row = managed.find(kind, id=str(value))
    if row is not None:
        return row
    level: Severity = "error"
    shown = draw.shown(name, value) if name in draw.shape.hidden else value
    context.report.add(
        "policy.unknown",
        level,
        draw.where(name),
        f"{name}: there is no policy {shown} in these files, and it is no managed one",
        f"write the policy into the files, or use a managed one: {', '.join(managed.names(kind))}",
    )
    return None


def selection(config: Draw | None, behavior: str, names: str) -> Selection:
    """cookies_config or query_strings_config."""
    if config is None:
        return Selection()
    mode = SELECTIONS[config.text(behavior, "none", tuple(SELECTIONS))]
    inner = config.into(names)
    listed = inner.texts("items") if inner is not None else ()
    if mode in ("list", "all_except") and not listed:
        config.wrong(behavior, "needs a list of names")
    return msgspec.convert(
        {"mode": mode, "names": listed if mode in ("list", "all_except") else ()}, Selection
    )


def header_selection(config: Draw | None) -> HeaderSelection:
    """headers_config of an origin request policy."""
    if config is None:
        return HeaderSelection()
    mode = managed.HEADER_MODES[config.text("header_behavior", "none", tuple(managed.HEADER_MODES))]
    inner = config.into("headers")
    names = tuple(name.lower() for name in inner.texts("items")) if inner is not None else ()
    if inner is not None:
        for name in names:
            inner.hide("items", name)
    return msgspec.convert(
        {"mode": mode, "names": names if mode not in ("none", "all_viewer") else ()},
        HeaderSelection,
    )


def cache_policy(found: Shape | managed.Managed, context: Context) -> tuple[KeyPolicy, Ttl]:
    """A cache policy (row 24)."""
    if isinstance(found, managed.Managed):
        return managed.key_policy(found)
    draw = Draw(found, context.report)
    # Without them the provider sends 0, a day and a year.
    ttl = ttl_of(draw)
    inner = draw.into("parameters_in_cache_key_and_forwarded_to_origin")
    if inner is None:
        draw.report.add(
            "terraform.missing_argument",
            "error",
            found.place,
            "a cache policy needs `parameters_in_cache_key_and_forwarded_to_origin`",
        )
        return KeyPolicy(), ttl
    headers = header_selection(inner.into("headers_config"))
    if headers.mode not in ("none", "list"):
        inner.wrong("headers_config", "a cache policy takes none or a whitelist of headers")
    for name in headers.names:
        if name in KEY_REFUSED:
            inner.wrong(
                "headers_config",
                f"{draw.report.called(name)} cannot be part of a cache key",
                rule="row 66",
            )
    return (
        KeyPolicy(
            query=selection(
                inner.into("query_strings_config"), "query_string_behavior", "query_strings"
            ),
            cookies=selection(inner.into("cookies_config"), "cookie_behavior", "cookies"),
            headers=headers.names,
            gzip=inner.flag("enable_accept_encoding_gzip"),
            br=inner.flag("enable_accept_encoding_brotli"),
        ),
        ttl,
    )


def ttl_of(draw: Draw) -> Ttl:
    """min_ttl, default_ttl, max_ttl (rows 33 to 35)."""
    low = draw.number("min_ttl", 0, 0, TTL_MAX)
    high = draw.number("max_ttl", max(31_536_000, low), 0, TTL_MAX)
    default = draw.number("default_ttl", min(max(86_400, low), high), 0, TTL_MAX)
    if not low <= default <= high:
        draw.report.add(
            "ttl.order",
            "error",
            draw.where("default_ttl"),
            f"min_ttl {draw.shown('min_ttl', low)}, default_ttl {draw.shown('default_ttl', default)}"
            f" and max_ttl {draw.shown('max_ttl', high)} are not in ascending order",
            rule="API: InvalidTTLOrder",
        )
    return Ttl(low, default, high)


def forward_policy(found: Shape | managed.Managed | None, context: Context) -> ForwardPolicy:
    """An origin request policy (row 29); none forwards what the cache key holds."""
    if found is None:
        return ForwardPolicy()
    if isinstance(found, managed.Managed):
        return managed.forward_policy(found)
    draw = Draw(found, context.report)
    return ForwardPolicy(
        query=selection(
            draw.into("query_strings_config"), "query_string_behavior", "query_strings"
        ),
        cookies=selection(draw.into("cookies_config"), "cookie_behavior", "cookies"),
        headers=header_selection(draw.into("headers_config")),
    )


def legacy(values: Draw | None, compress: bool, ttl: Ttl) -> tuple[KeyPolicy, ForwardPolicy, Ttl]:
    """forwarded_values (row 32). What counts for the key is forwarded, and gzip is the only coding of the key."""
    if values is None:
        return KeyPolicy(gzip=compress), ForwardPolicy(legacy=True), ttl
    keys = values.texts("query_string_cache_keys")
    query = key_query = Selection()
    if values.flag("query_string"):
        query = Selection("all")
        key_query = Selection("list", keys) if keys else query
    cookies_block = values.into("cookies")
    cookies = Selection()
    if cookies_block is not None:
        mode = {"none": "none", "whitelist": "list", "all": "all"}[
            cookies_block.text("forward", "none", ("none", "whitelist", "all"))
        ]
        names = cookies_block.texts("whitelisted_names") if mode == "list" else ()
        cookies = msgspec.convert({"mode": mode, "names": names}, Selection)
    headers = tuple(name.lower() for name in values.texts("headers"))
    if "*" in headers:
        # All headers forwarded means that nothing is cached, whatever the TTLs say.
        return (
            KeyPolicy(query=key_query, cookies=cookies),
            ForwardPolicy(query, cookies, HeaderSelection("all_viewer"), legacy=True),
            Ttl(0, 0, 0),
        )
    # A header that is listed is part of the key; Accept-Encoding listed is an ordinary one (row 28).
    gzip = compress and "accept-encoding" not in headers
    forward = HeaderSelection("list", headers) if headers else HeaderSelection()
    return (
        KeyPolicy(query=key_query, cookies=cookies, headers=headers, gzip=gzip),
        ForwardPolicy(query, cookies, forward, legacy=True),
        ttl,
    )


def response_headers(
    found: Shape | managed.Managed | None, context: Context
) -> ResponseHeaders | None:
    """A response headers policy (rows 67, 68)."""
    if found is None:
        return None
    if isinstance(found, managed.Managed):
        return managed.response_headers(found)
    draw = Draw(found, context.report)
    custom = draw.into("custom_headers_config")
    remove = draw.into("remove_headers_config")
    timing = draw.into("server_timing_headers_config")
    headers = security(draw.into("security_headers_config"))
    for row in custom.each("items") if custom is not None else []:
        name = row.need("header")
        if name:
            headers.append(Header(name, row.text("value"), row.flag("override")))
    gone = (
        [row.need("header").lower() for row in remove.each("items")] if remove is not None else []
    )
    rate = timing.known("sampling_rate") if timing is not None and timing.flag("enabled") else None
    return ResponseHeaders(
        name=draw.text("name"),
        remove=tuple(name for name in gone if name),
        cors=cors(draw.into("cors_config")),
        set=tuple(headers),
        server_timing_percent=float(str(rate)) if rate is not None else 0.0,
    )


def cors(draw: Draw | None) -> Cors | None:
    """cors_config."""
    if draw is None:
        return None

    def items(name: str) -> tuple[str, ...]:
        block = draw.into(name)
        return block.texts("items") if block is not None else ()

    methods = items("access_control_allow_methods")
    age = draw.known("access_control_max_age_sec")
    origins = items("access_control_allow_origins")
    credentials = draw.flag("access_control_allow_credentials")
    if credentials and "*" in origins:
        draw.wrong(
            "access_control_allow_credentials",
            "true cannot go with the origin `*`",
            "name the origins",
            "Fetch standard, CORS protocol and credentials",
        )
    return Cors(
        allow_credentials=credentials,
        allow_headers=items("access_control_allow_headers"),
        allow_methods=managed.ALL_METHODS if "ALL" in methods else methods,
        allow_origins=origins,
        expose_headers=items("access_control_expose_headers"),
        max_age_s=int(str(age)) if age not in (None, 0) else None,
        override=draw.flag("origin_override", True),
    )


def security(draw: Draw | None) -> list[Header]:
    """security_headers_config."""
    found: list[Header] = []
    if draw is None:
        return found
    hsts = draw.into("strict_transport_security")
    if hsts is not None:
        value = f"max-age={hsts.number('access_control_max_age_sec', 0, 0, TTL_MAX)}"
        value += "; includeSubDomains" if hsts.flag("include_subdomains") else ""
        value += "; preload" if hsts.flag("preload") else ""
        found.append(Header("Strict-Transport-Security", value, hsts.flag("override")))
    options = draw.into("content_type_options")
    if options is not None:
        found.append(Header("X-Content-Type-Options", "nosniff", options.flag("override")))
    frame = draw.into("frame_options")
    if frame is not None:
        value = frame.need("frame_option", ("DENY", "SAMEORIGIN"))
        found.append(Header("X-Frame-Options", value, frame.flag("override")))
    xss = draw.into("xss_protection")
    if xss is not None:
        value = "1" if xss.flag("protection") else "0"
        report = xss.text("report_uri")
        if value == "1":
            value += (
                "; mode=block" if xss.flag("mode_block") else f"; report={report}" if report else ""
            )
        found.append(Header(XSS, value, xss.flag("override")))
    referrer = draw.into("referrer_policy")
    if referrer is not None:
        found.append(
            Header(
                "Referrer-Policy",
                referrer.need("referrer_policy", REFERRER),
                referrer.flag("override"),
            )
        )
    policy = draw.into("content_security_policy")
    if policy is not None:
        found.append(
            Header(
                "Content-Security-Policy",
                policy.need("content_security_policy"),
                policy.flag("override"),
            )
        )
    return found
