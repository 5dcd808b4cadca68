"""A function: a handler in a folder or an archive, with its limits."""

from __future__ import annotations

from typing import Literal

import msgspec


class Function(msgspec.Struct, frozen=True):
    """Code for one of the four events.

    name      the resource's name (`request`); what logs and messages say
    source    folder or zip, absolute; empty: not found yet (a finding says so)
    handler   `module.function`
    runtime   as declared (`python3.13`); Python of any version runs on ours, with a finding
    python    virtual environment whose packages the handler may import; never ours
    egress    any · none · list of hosts
    """

    name: str
    source: str
    handler: str
    runtime: str = ""
    python: str | None = None
    egress: Literal["any", "none"] | tuple[str, ...] = "any"
    memory_mb: int = 128
    timeout_s: float = 30.0
