"""The snapshot of the PoP that is measured alone: one distribution, one behavior, one origin."""

from __future__ import annotations

import msgspec

from skerry.pop.snapshot import Snapshot, Target
from skerry.spec.distribution import (
    Behavior,
    Distribution,
    ForwardPolicy,
    HeaderSelection,
    KeyPolicy,
    Method,
    Origin,
    Selection,
    Ttl,
)
from skerry.spec.pop import Pop
from skerry.spec.project import Profile

ALL_METHODS: tuple[Method, ...] = ("GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE")


def build(
    *,
    http_port: int,
    https_port: int,
    origin_port: int,
    profile: Profile = "cloudfront",
    default_ttl_s: int = 86_400,
) -> Snapshot:
    """Every path and method goes to the origin, with its query; the whole request is forwarded."""
    everything = Selection("all")
    behavior = Behavior(
        "*",
        "origin",
        allowed_methods=ALL_METHODS,
        key=KeyPolicy(query=everything),
        forward=ForwardPolicy(everything, everything, HeaderSelection("all_viewer")),
        ttl=Ttl(0, default_ttl_s),
    )
    distribution = Distribution(
        "bench", "EBENCH", origins=(Origin("origin", "origin.example"),), behaviors=(behavior,)
    )
    return Snapshot(
        version=1,
        profile=profile,
        level="warn",
        pop=Pop("bench", "iad"),
        distributions=(distribution,),
        targets={"origin": Target("url", url=f"http://127.0.0.1:{origin_port}")},
        http_port=http_port,
        https_port=https_port,
    )


def encode(snapshot: Snapshot) -> bytes:
    """As an engine reads it."""
    return msgspec.json.encode(snapshot)
