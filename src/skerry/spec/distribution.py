"""A distribution: hosts, behaviors, origins, and what is done to requests and responses.

Field names are Skerry's; the comment behind a field names CloudFront's word where it differs.
Numbers of rows in comments are those of the CloudFront feature table in docs/reference/cloudfront.md.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Method = Literal["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
ViewerProtocol = Literal["allow-all", "https-only", "redirect-to-https"]
OriginProtocol = Literal["http-only", "https-only", "match-viewer"]
Event = Literal["viewer-request", "origin-request", "origin-response", "viewer-response"]


class Selection(msgspec.Struct, frozen=True):
    """Which of the names of a request count: none, a list, all but a list, or all."""

    mode: Literal["none", "list", "all_except", "all"] = "none"
    names: tuple[str, ...] = ()


class HeaderSelection(msgspec.Struct, frozen=True):
    """Which request headers an origin gets besides those of the cache key."""

    mode: Literal["none", "list", "all_viewer", "all_viewer_and", "all_except"] = "none"
    names: tuple[str, ...] = ()


class KeyPolicy(msgspec.Struct, frozen=True):
    """What tells two cached objects apart beside the path."""

    query: Selection = Selection()
    cookies: Selection = Selection()
    headers: tuple[str, ...] = ()  # lower case
    gzip: bool = False
    br: bool = False


class ForwardPolicy(msgspec.Struct, frozen=True):
    """What of a request an origin sees beside the cache key's parts.

    legacy: made from forwarded_values, where every header that is not special is forwarded (row 63).
    """

    query: Selection = Selection()
    cookies: Selection = Selection()
    headers: HeaderSelection = HeaderSelection()
    legacy: bool = False


class Ttl(msgspec.Struct, frozen=True):
    """Bounds on freshness, seconds."""

    min_s: int = 0
    default_s: int = 86_400
    max_s: int = 31_536_000


class Association(msgspec.Struct, frozen=True):
    """A function at one of the four events of a behavior."""

    event: Event
    function: str  # name in Project.functions
    include_body: bool = False


class Header(msgspec.Struct, frozen=True):
    """A header that a policy sets. override: also where the origin has sent one."""

    name: str
    value: str
    override: bool = True


class Cors(msgspec.Struct, frozen=True):
    """CORS part of a response headers policy."""

    allow_credentials: bool
    allow_headers: tuple[str, ...]
    allow_methods: tuple[str, ...]
    allow_origins: tuple[str, ...]
    expose_headers: tuple[str, ...] = ()
    max_age_s: int | None = None
    override: bool = True


class ResponseHeaders(msgspec.Struct, frozen=True):
    """A response headers policy: remove first, then CORS, then set (security and custom headers)."""

    name: str = ""
    remove: tuple[str, ...] = ()  # lower case
    cors: Cors | None = None
    set: tuple[Header, ...] = ()
    server_timing_percent: float = 0.0


class Behavior(msgspec.Struct, frozen=True):
    """What happens to requests whose path matches; the last one of a distribution is `*`."""

    pattern: str
    origin: str  # id of an origin or of an origin group
    allowed_methods: tuple[Method, ...] = ("GET", "HEAD")
    cached_methods: tuple[Method, ...] = ("GET", "HEAD")
    viewer_protocol: ViewerProtocol = "allow-all"
    key: KeyPolicy = KeyPolicy()
    forward: ForwardPolicy = ForwardPolicy()
    ttl: Ttl = Ttl()
    compress: bool = False
    functions: tuple[Association, ...] = ()
    response_headers: ResponseHeaders | None = None


class OriginHeader(msgspec.Struct, frozen=True):
    """A header sent with every request to an origin. The value may be a secret: it is never shown."""

    name: str
    value: str


class Origin(msgspec.Struct, frozen=True):
    """Where misses go. `kind` s3: a bucket, S3's rules for host, errors and root."""

    id: str
    domain: str
    kind: Literal["s3", "custom"] = "custom"
    path: str = ""  # prefix, no trailing slash
    protocol: OriginProtocol = "http-only"
    http_port: int = 80
    https_port: int = 443
    ssl_protocols: tuple[str, ...] = ("TLSv1.2",)
    connect_timeout_s: float = 10.0
    connect_attempts: int = 3
    read_timeout_s: float = 30.0
    keepalive_s: float = 5.0
    completion_timeout_s: float | None = None
    headers: tuple[OriginHeader, ...] = ()
    shield: str | None = None
    access: Literal["none", "oai", "oac"] = "none"
    region: str | None = None  # s3 only


class OriginGroup(msgspec.Struct, frozen=True):
    """Two origins; the second is asked where the first fails or answers one of `statuses`."""

    id: str
    members: tuple[str, ...]
    statuses: tuple[int, ...]


class ErrorResponse(msgspec.Struct, frozen=True):
    """What replaces an error of an origin, and how long that error is remembered."""

    status: int
    page: str | None = None
    code: int | None = None
    min_ttl_s: int = 10


class ViewerTls(msgspec.Struct, frozen=True):
    """What viewers may speak. certificate: where it comes from, in words; local ones are made by Skerry."""

    minimum_protocol: str = "TLSv1"
    certificate: str = "default"


class Distribution(msgspec.Struct, frozen=True):
    """One distribution. `name`: the resource's name; `id`: a stable id derived from it."""

    name: str
    id: str
    aliases: tuple[str, ...] = ()
    enabled: bool = True
    default_root_object: str = ""
    origins: tuple[Origin, ...] = ()
    groups: tuple[OriginGroup, ...] = ()
    behaviors: tuple[Behavior, ...] = ()  # in order of precedence, default (`*`) last
    error_responses: tuple[ErrorResponse, ...] = ()
    viewer_tls: ViewerTls = ViewerTls()
    http2: bool = True
    ipv6: bool = True
    comment: str = ""

    @property
    def domain(self) -> str:
        """The host name the cloud would give it (`d….cloudfront.net`), which functions see in events."""
        return f"{self.id.lower()}.cloudfront.net"
