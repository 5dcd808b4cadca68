"""Settings and the table of parts, joined: which seats there are and what each is told."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from skerry.node.parts import PARTS, Part
from skerry.node.settings import NodeSettings, PopSettings


@dataclass(frozen=True)
class Seat:
    """A place in the tree, kept by one process after another.

    argv, environment  how to start it (SKERRY_FDS is added per start)
    sockets            descriptor name → names of listeners in init's table
    """

    name: str
    part: Part
    argv: tuple[str, ...]
    environment: dict[str, str]
    sockets: dict[str, tuple[str, ...]]


def assemble(settings: NodeSettings, parts: tuple[Part, ...] = PARTS) -> list[Seat]:
    """Every seat of a run, in the order of the table."""
    seats = []
    for part in parts:
        for pop in settings.pops if part.per_pop else (None,):
            name = f"{part.name}-{pop.name}" if pop else part.name
            seats.append(
                Seat(
                    name=name,
                    part=part,
                    argv=(sys.executable, "-m", part.module),
                    environment=environment(settings, name, pop),
                    sockets={kind: sockets(kind, name, part, pop) for kind in part.listens},
                )
            )
    return seats


def sockets(kind: str, seat: str, part: Part, pop: PopSettings | None) -> tuple[str, ...]:
    """Names of the listeners behind one descriptor name of a seat."""
    if kind == part.name:
        return (f"{seat}.sock",)
    if pop is None:
        raise ValueError(f"{part.name} listens to {kind}, which only a part of a PoP can")
    if kind == "https" and not pop.https_port:
        return ()
    return (f"{kind}-{pop.name}",)


def environment(settings: NodeSettings, seat: str, pop: PopSettings | None) -> dict[str, str]:
    """The environment of one seat: ours, and what the part is told in SKERRY_PART.

    Paths of sockets are relative: every part runs in the run folder, because a unix socket's path may have
    107 bytes only (unix(7)) and a project's folder can be deeper than that.
    """
    told: dict[str, object] = {
        "seat": seat,
        "root": settings.root,
        "state_dir": str(settings.state),
        "log_dir": str(settings.log),
        "tls_dir": str(settings.tls),
        "level": settings.level,
        "deadlines": settings.deadlines,
        "bind": settings.bind,
        "drain_s": settings.drain_s,
        "access_log_format": settings.access_log_format,
        "log_bytes_max": settings.log_bytes_max,
        "cache_bytes_max": settings.cache_bytes_max,
        "object_bytes_max": settings.object_bytes_max,
        "threads": settings.threads or os.cpu_count() or 1,
        "pops": [
            {"name": each.name, "http_port": each.http_port, "https_port": each.https_port}
            for each in settings.pops
        ],
    }
    if pop is not None:
        told["pop"] = pop.name
    whole = dict(os.environ)  # noqa: TID251 - handed on as a whole, not read
    inherited = {key: value for key, value in whole.items() if not key.startswith("SKERRY_")}
    kept = {key: whole[key] for key in HANDED_ON if key in whole}
    # Init runs with -S, its children with their packages: they must find the same skerry as init did.
    package_root = str(Path(__file__).resolve().parents[2])
    paths = [path for path in inherited.get("PYTHONPATH", "").split(os.pathsep) if path]
    if package_root not in paths:
        paths.append(package_root)
    special = {"SKERRY_PART": json.dumps(told), "PYTHONPATH": os.pathsep.join(paths)}
    if settings.guest_packages:
        special["SKERRY_GUEST_PACKAGES"] = settings.guest_packages
    if not settings.deadlines:
        special["SKERRY_DEBUG"] = "1"
    return inherited | kept | special


# Variables of ours that a person may set for the parts themselves; all other SKERRY_* end here.
HANDED_ON = ("SKERRY_GUEST_PACKAGES", "SKERRY_SANDBOX", "SKERRY_DEBUG_TTY")
