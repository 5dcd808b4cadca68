"""Points of presence on one machine, and where origins are while developing."""

from __future__ import annotations

import msgspec


class Pop(msgspec.Struct, frozen=True):
    """One point of presence.

    at             three-letter code of its place (IATA), as it stands in X-Amz-Cf-Pop
    origin_rtt_ms  added round trip to origins, milliseconds: 0 on real machines
    """

    name: str
    at: str
    origin_rtt_ms: float = 0.0


class Local(msgspec.Struct, frozen=True):
    """What holds under `skerry up` only.

    origins   origin id or host → folder, URL, `s3://bucket` or `live`
    """

    http_port: int = 8080  # PoP n: + n
    https_port: int = 8443
    vars: dict[str, object] = {}
    pops: tuple[Pop, ...] = (
        Pop("us-east", "iad", 8.0),
        Pop("eu-west", "dub", 85.0),
        Pop("ap-south", "bom", 190.0),
    )
    origins: dict[str, str] = {}
