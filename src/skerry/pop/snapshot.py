"""The snapshot: all that an engine needs to know, as one immutable JSON value.

`crates/skerry-engine/src/snapshot.rs` reads exactly this shape; tests/golden/snapshot holds examples.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from skerry.spec.distribution import Distribution
from skerry.spec.pop import Pop
from skerry.spec.project import Level, Profile


class Target(msgspec.Struct, frozen=True):
    """Where an origin really is.

    url       another address: scheme://host:port[/prefix]
    folder    a folder served with S3's rules
    live      the origin's own domain, in the open
    unmapped  nowhere: answered with an error page that carries `hint`
    """

    kind: Literal["url", "folder", "live", "unmapped"]
    url: str = ""
    path: str = ""
    hint: str = ""


class FunctionRef(msgspec.Struct, frozen=True):
    """A function as an engine calls it.

    version   digest of its code and settings, immutable; empty: no version of it has ever loaded, so a call
              ends as the cloud ends one whose init fails (503)
    """

    name: str
    version: str
    timeout_ms: int
    memory_mb: int


class Snapshot(msgspec.Struct, frozen=True):
    """format: of this shape. version: grows with each change of the project, so that all PoPs can be compared.

    targets   origin id or host (as a function may set it) → where it really is
    """

    version: int
    profile: Profile
    level: Level
    pop: Pop
    distributions: tuple[Distribution, ...] = ()
    functions: tuple[FunctionRef, ...] = ()
    targets: dict[str, Target] = {}
    http_port: int = 0
    https_port: int = 0
    format: Literal[1] = 1
