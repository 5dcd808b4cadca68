"""What `skerry up` says when it is ready: where it listens, what is mapped, what to try next."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, TextIO  # Any: control's answers are JSON

import msgspec

from skerry.base.finding import Finding
from skerry.cli import render


def tell(state: Mapping[str, Any], *, ready_s: float, out: TextIO) -> None:
    """Results to `out`, findings (each once) to stderr."""
    name = render.paint(str(state["name"]), "bold", out)
    out.write(f"{name} ready in {ready_s:.1f} s ({state['profile']}, {state['level']})\n\n")
    for pop in state["pops"]:
        rtt = f"  origin +{pop['origin_rtt_ms']:g} ms" if pop["origin_rtt_ms"] else ""
        out.write(
            f"  {pop['name']:<9} {pop['at']}  {pop['http']}  {pop['https']}".rstrip() + f"{rtt}\n"
        )
    for origin in state["origins"]:
        out.write(f"  origin    {origin['id']} → {place(origin)}\n")
    for function in state["functions"]:
        version = function["version"][:8] or "not loaded"
        out.write(f"  function  {function['name']} ({function['handler']}, {version})\n")
    findings = read_findings(state["findings"])
    if findings:
        out.flush()
        sys.stderr.write("\n")
        render.findings(findings, sys.stderr)
    out.write("\ntry\n")
    for line in next_lines(state):
        out.write(f"  {line}\n")
    out.flush()


def place(origin: Mapping[str, Any]) -> str:
    """Where an origin really is, in a few words."""
    target = origin["target"] or {"kind": "unmapped"}
    if target["kind"] == "folder":
        return str(target["path"])
    if target["kind"] == "url":
        return str(target["url"])
    if target["kind"] == "live":
        return f"{origin['domain']} (live)"
    return "not mapped: answers 502"


def next_lines(state: Mapping[str, Any]) -> list[str]:
    """Commands that work now, to be pasted."""
    first = state["pops"][0]
    lines = [f"curl -i {first['http']}/"]
    host = first["http"].partition("://")[2]
    port = host.rpartition(":")[2]
    lines += [
        f"curl -i --connect-to {alias}:80:{host} http://{alias}/" for alias in state["aliases"]
    ]
    if first["https"]:
        host = first["https"].partition("://")[2]
        lines += [
            f"curl -i --connect-to {alias}:443:{host} https://{alias}/"
            for alias in state["aliases"]
        ]
    return [
        *lines,
        f"skerry explain http://{first['name']}.skerry.localhost:{port}/",
        "skerry purge '/*'",
    ]


def read_findings(rows: object) -> list[Finding]:
    """Findings out of JSON."""
    return msgspec.convert(rows, list[Finding])
