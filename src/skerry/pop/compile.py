"""Project → one snapshot per PoP. Pure: whether a folder exists is asked of a function handed in."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import msgspec

from skerry.base.finding import Finding
from skerry.pop.snapshot import FunctionRef, Snapshot, Target
from skerry.spec.distribution import Origin
from skerry.spec.pop import Local, Pop
from skerry.spec.project import Project

NO_DEADLINE_MS = 24 * 60 * 60 * 1000  # `--no-deadline`: a debugger may hold a call for a day
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
URL_SCHEMES = ("http", "https")


class Ports(msgspec.Struct, frozen=True):
    """Where a PoP listens. https 0: not at all."""

    http: int
    https: int = 0


class Compiled(msgspec.Struct, frozen=True):
    """PoP name → what its engine serves, and what there is to say about the origins' mapping."""

    snapshots: dict[str, Snapshot]
    findings: tuple[Finding, ...]


def compile_project(
    project: Project,
    *,
    version: int,
    versions: Mapping[str, str],
    ports: Mapping[str, Ports],
    is_folder: Callable[[str], bool],
    deadlines: bool = True,
) -> Compiled:
    """Snapshots for the PoPs that `ports` names.

    version    of the snapshots, growing
    versions   function name → digest of the code that may be called; a function without one failed to load
    is_folder  whether an absolute path is a folder
    """
    targets, findings = resolve_targets(project, is_folder)
    functions = tuple(
        FunctionRef(
            name=function.name,
            version=versions.get(function.name, ""),
            timeout_ms=round(function.timeout_s * 1000) if deadlines else NO_DEADLINE_MS,
            memory_mb=function.memory_mb,
        )
        for function in project.functions
    )
    snapshots = {
        pop.name: Snapshot(
            version=version,
            profile=project.profile,
            level=project.level,
            pop=pop,
            distributions=project.distributions,
            functions=functions,
            targets=targets,
            http_port=ports[pop.name].http,
            https_port=ports[pop.name].https,
        )
        for pop in project.local.pops
        if pop.name in ports
    }
    return Compiled(snapshots, (*findings, *missing_pops(project.local.pops, ports)))


def missing_pops(pops: Iterable[Pop], ports: Mapping[str, Ports]) -> list[Finding]:
    """PoPs that were added or renamed while running: listeners are bound at start alone."""
    known = {pop.name for pop in pops}
    return [
        Finding(
            "pop.needs_restart",
            "warning",
            f"PoP {name}",
            "the list of PoPs has changed since `skerry up` has bound their ports",
            "stop and start: `skerry down`, `skerry up`",
        )
        for name in sorted(known ^ set(ports))
        if name in ports or len(ports) >= len(known)  # `up --pop` leaves some out on purpose
    ]


def moved_ports(began: Local, now: Local) -> list[Finding]:
    """Ports that the file has changed since the start: what is bound stays bound, and the file seems not to be read."""
    pairs = (
        ("http_port", began.http_port, now.http_port),
        ("https_port", began.https_port, now.https_port),
    )
    return [
        Finding(
            "pop.needs_restart",
            "warning",
            f"[local] {key}",
            f"{key} is {wanted} now, and the PoPs listen from {bound} on since `skerry up`",
            "stop and start: `skerry down`, `skerry up`",
        )
        for key, bound, wanted in pairs
        if bound != wanted
    ]


def resolve_targets(
    project: Project, is_folder: Callable[[str], bool]
) -> tuple[dict[str, Target], list[Finding]]:
    """Origin id or host → where it really is, and findings."""
    given = project.local.origins
    targets: dict[str, Target] = {}
    findings: list[Finding] = []
    origins = [origin for each in project.distributions for origin in each.origins]
    for origin in origins:
        key = next((name for name in (origin.id, origin.domain) if name in given), None)
        if key is None:
            targets.setdefault(origin.id, unmapped(origin))
            continue
        target = resolve(project.root, key, given[key], origin, is_folder, findings)
        targets[origin.id] = target
        # A function that turns to this origin by its domain ends up in the same place.
        targets.setdefault(origin.domain, target)
    used = {origin.id for origin in origins} | {origin.domain for origin in origins}
    for key in given:
        if key in used:
            continue
        targets[key] = resolve(project.root, key, given[key], None, is_folder, findings)
        if (
            origins  # else the distribution could not be read, which is told already
            and "." not in key  # with a dot it may be a host that a function sets
            and key != "localhost"
        ):
            findings.append(stranger(key, used))
    return targets, findings


def resolve(
    root: str,
    key: str,
    value: str,
    origin: Origin | None,
    is_folder: Callable[[str], bool],
    findings: list[Finding],
) -> Target:
    """One line of [local.origin]. What is wrong with it goes to `findings`, and the origin stays unmapped."""
    where = f"[local.origin] {key}"
    line = paste(key, value)
    if value == "live":
        if origin is None:
            return Target("live", url=f"https://{key}")
        return Target("live")
    scheme = urlsplit(value).scheme.lower() if "://" in value else ""
    if scheme == "s3":
        bucket, _, prefix = value.removeprefix("s3://").partition("/")
        region = (origin.region if origin else None) or "us-east-1"
        findings.append(
            Finding(
                "origin.unsigned",
                "note",
                where,
                f"requests to the bucket {bucket} go to the cloud unsigned: it answers for public objects only",
                "map it to a folder to work without the cloud",
            )
        )
        url = f"https://{bucket}.s3.{region}.amazonaws.com" + (
            f"/{prefix.rstrip('/')}" if prefix else ""
        )
        return Target("url", url=url)
    if scheme in URL_SCHEMES:
        return resolve_url(where, line, value, findings)
    if scheme:
        findings.append(
            Finding(
                "origin.target",
                "error",
                where,
                f"{value!r} is no place an origin can be: {scheme}:// is not spoken",
                "give a folder, http://…, https://…, s3://bucket or live",
            )
        )
        return Target("unmapped", hint=line)
    path = str(PurePosixPath(root, value))
    if not is_folder(path):
        findings.append(
            Finding(
                "origin.no_folder",
                "error",
                where,
                f"there is no folder {value}",
                f"make it, or correct the line `{line}`",
            )
        )
        return Target("unmapped", hint=line)
    return Target("folder", path=path)


def resolve_url(where: str, line: str, value: str, findings: list[Finding]) -> Target:
    """An address: scheme, host, port and a prefix, nothing else."""
    try:
        parts = urlsplit(value)
        good = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port that is no number, brackets that do not match
        parts, good = None, False
    if parts is None or not good or parts.query or parts.fragment or "@" in parts.netloc:
        findings.append(
            Finding(
                "origin.target",
                "error",
                where,
                f"{value!r} is no address of an origin",
                "write scheme://host:port/prefix, without user, query and fragment",
            )
        )
        return Target("unmapped", hint=line)
    return Target("url", url=f"{parts.scheme.lower()}://{parts.netloc}{parts.path.rstrip('/')}")


def unmapped(origin: Origin) -> Target:
    """Nowhere: a laptop does not touch production by accident. The hint is what to paste."""
    return Target("unmapped", hint=hint(origin))


def hint(origin: Origin) -> str:
    """The lines for skerry.toml that would map an origin, with the likeliest value."""
    value = "./site" if origin.kind == "s3" else "http://127.0.0.1:9000"
    return "in skerry.toml:\n[local.origin]\n" + paste(origin.id, value)


def stranger(key: str, used: set[str]) -> Finding:
    """A line that maps nothing that exists."""
    near = difflib.get_close_matches(key, used, n=1)
    return Finding(
        "origin.unknown",
        "warning",
        f"[local.origin] {key}",
        f"no origin has the id {key}",
        f"did you mean {near[0]}?"
        if near
        else "use an origin's id, or the host that a function sets",
    )


def paste(key: str, value: str) -> str:
    """One TOML line `key = "value"`, the key quoted where TOML wants it (toml.io v1.0, Keys)."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    return f"{key if BARE_KEY.fullmatch(key) else quoted(key)} = {quoted(value)}"
