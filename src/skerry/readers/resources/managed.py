"""CloudFront's managed policies, from rules/managed.toml, by name or id."""

from __future__ import annotations

from functools import cache

import msgspec

from skerry.base import tables
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

KINDS = (
    "aws_cloudfront_cache_policy",
    "aws_cloudfront_origin_request_policy",
    "aws_cloudfront_response_headers_policy",
)
ALL_METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")
HEADER_MODES = {
    "none": "none",
    "whitelist": "list",
    "allViewer": "all_viewer",
    "allViewerAndWhitelistCloudFront": "all_viewer_and",
    "allExcept": "all_except",
}
# The managed policies leave an origin's own header alone but for nosniff, which they always set.
SECURITY = (
    Header("Strict-Transport-Security", "max-age=31536000", override=False),
    Header("X-Content-Type-Options", "nosniff", override=True),
    Header("X-Frame-Options", "SAMEORIGIN", override=False),
    Header("X-XSS-Protection", "1; mode=block", override=False),
    Header("Referrer-Policy", "strict-origin-when-cross-origin", override=False),
)


class Managed(msgspec.Struct, frozen=True):
    """One row of the table."""

    id: str
    name: str
    ttl: tuple[int, int, int] = (0, 0, 0)  # seconds: minimum, default, maximum
    gzip: bool = False
    br: bool = False
    headers: tuple[str, ...] = ()
    headers_mode: str = ""
    cookies: str = "none"
    query: str | tuple[str, ...] = "none"
    cors: str = ""
    security: bool = False


@cache
def table() -> dict[str, tuple[Managed, ...]]:
    """The managed policies of each kind."""
    return {
        kind: tuple(msgspec.convert({"name": name, **row}, Managed) for name, row in rows.items())
        for kind, rows in tables.load("managed").items()
    }


def find(kind: str, *, name: str | None = None, id: str | None = None) -> Managed | None:
    """A managed policy. The name may come with or without `Managed-`: the console leaves it out."""
    for row in table()[kind]:
        if id == row.id or (
            name is not None and name.removeprefix("Managed-") == row.name.removeprefix("Managed-")
        ):
            return row
    return None


def names(kind: str) -> list[str]:
    """The names of a kind."""
    return [row.name for row in table()[kind]]


def selection(words: str | tuple[str, ...]) -> Selection:
    """`all`, `none` or names."""
    if isinstance(words, tuple):
        return Selection("list", words)
    return Selection("all" if words == "all" else "none")


def key_policy(row: Managed) -> tuple[KeyPolicy, Ttl]:
    """A cache policy."""
    headers = tuple(name.lower() for name in row.headers)
    key = KeyPolicy(selection(row.query), selection(row.cookies), headers, row.gzip, row.br)
    return key, Ttl(*row.ttl)


def forward_policy(row: Managed) -> ForwardPolicy:
    """An origin request policy."""
    mode = HEADER_MODES[row.headers_mode or ("whitelist" if row.headers else "none")]
    headers = msgspec.convert(
        {"mode": mode, "names": tuple(name.lower() for name in row.headers)}, HeaderSelection
    )
    return ForwardPolicy(selection(row.query), selection(row.cookies), headers)


def response_headers(row: Managed) -> ResponseHeaders:
    """A response headers policy."""
    cors = None
    if row.cors:
        preflight = row.cors == "preflight"
        cors = Cors(
            allow_credentials=False,
            allow_headers=("*",) if preflight else (),
            allow_methods=ALL_METHODS if preflight else (),
            allow_origins=("*",),
            expose_headers=("*",) if preflight else (),
            override=False,
        )
    return ResponseHeaders(name=row.name, cors=cors, set=SECURITY if row.security else ())
