"""What runs on a machine: the table that init starts from, and that SECURITY.md is checked against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Part:
    """A kind of process.

    name        seat name, for a part per PoP the prefix: `engine` → `engine-us-east`
    module      started as `python -m MODULE`
    per_pop     one for each PoP, or one for the machine
    listens     descriptors it inherits, by name: `http`, `https` are lists of viewers' listeners; the name of
                a part is the unix socket of that part's own API
    needs       parts whose sockets it connects to (sockets exist before anybody starts, so there is no order)
    health      ready: says READY on the pipe `ready` · socket: good as soon as it runs, callers queue at its socket
    channel     has a socketpair to init, over which it hands over workers (pidfd, lifeline)
    stop        in which round of an orderly stop it is asked to end
    swaps       can be replaced by a new process while it drains
    """

    name: str
    module: str
    per_pop: bool
    listens: tuple[str, ...]
    needs: tuple[str, ...]
    health: Literal["ready", "socket"]
    channel: bool = False
    stop: int = 1
    swaps: bool = False


PARTS: tuple[Part, ...] = (
    # Engines stop first, while launcher and control still serve what they drain.
    Part(
        name="engine",
        module="skerry.pop.engine",
        per_pop=True,
        listens=("http", "https", "engine"),
        needs=("launcher",),
        health="ready",
        stop=0,
        swaps=True,
    ),
    Part(
        name="launcher",
        module="skerry.functions.launcher",
        per_pop=False,
        listens=("launcher",),
        needs=(),
        health="socket",
        channel=True,
    ),
    Part(
        name="control",
        module="skerry.control.service",
        per_pop=False,
        listens=("control",),
        needs=("engine", "launcher"),
        health="ready",
    ),
)
