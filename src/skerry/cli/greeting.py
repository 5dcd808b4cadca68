"""What `skerry up` says when it is ready: where it listens, what is mapped, what to try next."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO  # Any: control's answers are JSON

import msgspec

from skerry.base.finding import Finding
from skerry.cli import render


def tell(
    state: Mapping[str, Any], *, ready_s: float, out: TextIO, ca: str = "", at: str = ""
) -> None:
    """Results to `out`, findings (each once) to stderr.

    ca  file of the local CA, where this machine does not trust it
    at  the project's folder, where it is not the one that the user is in
    """
    name = render.paint(str(state["name"]), "bold", out)
    out.write(f"{name} ready in {ready_s:.1f} s ({state['profile']}, {state['level']})\n\n")
    for pop in state["pops"]:
        rtt = f"  origin +{pop['origin_rtt_ms']:g} ms" if pop["origin_rtt_ms"] else ""
        out.write(
            f"  {pop['name']:<9} {pop['at']}  {pop['http']}  {pop['https']}".rstrip() + f"{rtt}\n"
        )
    for origin in state["origins"]:
        out.write(f"  origin    {origin['id']} → {near(place(origin), str(state['root']))}\n")
    if state["functions"]:
        out.write(f"  functions {', '.join(map(loaded, state['functions']))}\n")
    findings = read_findings(state["findings"])
    if findings:
        out.flush()
        sys.stderr.write("\n")
        render.findings(findings, sys.stderr)
    out.write("\ntry\n")
    for line in next_lines(state, ca, at):
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


def near(where: str, root: str) -> str:
    """A folder of the project as `./site`."""
    inside = where.startswith(f"{root}/")
    return f"./{where.removeprefix(f'{root}/')}" if inside and root else where


def loaded(function: Mapping[str, Any]) -> str:
    """A function's name, and that it does not answer yet where it does not."""
    return str(function["name"]) + ("" if function["version"] else " (not loaded)")


def next_lines(state: Mapping[str, Any], ca: str = "", at: str = "") -> list[str]:
    """Commands that work now, to be pasted.

    By TLS where there is a listener for it: what a distribution does without TLS is mostly to send you there.
    """
    first = state["pops"][0]
    base = first["https"] or first["http"]
    scheme, _, address = base.partition("://")
    options = f"--cacert {shlex.quote(ca)} " if ca and scheme == "https" else ""
    port = {"http": 80, "https": 443}[scheme]
    there = f" --at {shlex.quote(at)}" if at else ""
    return [
        f"curl -i {options}{base}/",
        *(
            f"curl -i {options}--connect-to {alias}:{port}:{address} {scheme}://{alias}/"
            for alias in state["aliases"]
        ),
        f"skerry explain{there} {scheme}://{first['name']}.skerry.localhost:{address.rpartition(':')[2]}/",
        f"skerry purge{there} '/*'",
    ]


def unbelieved_ca(variables: Mapping[str, str], cwd: Path) -> str:
    """The local CA's file where this machine's own store does not have it; empty where it does, or there is none."""
    from skerry.trust import authority, store  # loads `cryptography`, which `up` has loaded already

    found = authority.data_folder(variables) / authority.CERTIFICATE
    machine = store.this_machine(variables)
    trusted = (
        store.system_file(folder, machine.user).exists()
        for folder, _command in store.system_stores(machine)
    )
    if any(trusted) or not found.exists():
        return ""
    return str(found.relative_to(cwd)) if found.is_relative_to(cwd) else str(found)


def read_findings(rows: object) -> list[Finding]:
    """Findings out of JSON."""
    return msgspec.convert(rows, list[Finding])
