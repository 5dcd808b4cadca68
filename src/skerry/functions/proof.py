"""Prove a version before anybody is told of it: load it in a spare worker and see.

A saved handler that does not load must not replace one that does. Control defines the new version, proves
it here, and only then emits the snapshot that names it; a rejected one leaves the old in place.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from skerry.base.errors import SkerryError
from skerry.base.finding import Finding, Place
from skerry.functions.guest import frames
from skerry.functions.lease import LauncherClient, Lease
from skerry.functions.store import Definition

# Lambda's own limit for a function's init.
INIT_S_MAX = 10.0


class Proved(msgspec.Struct, frozen=True):
    """It loads. init_ms: how long that took; said: what the operator must hear of its sandbox, or empty."""

    version: str
    init_ms: float
    said: str = ""


class Rejected(msgspec.Struct, frozen=True):
    """It does not. output: what it printed meanwhile."""

    version: str
    findings: tuple[Finding, ...]
    output: str = ""


def prove(
    definition: Definition,
    client: LauncherClient,
    root: Path,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Proved | Rejected:
    """Define the function at the launcher and load it in a worker that serves nobody.

    root   the project's folder, which places in findings are relative to
    Raises OSError where the launcher is gone (ask again: init restarts it), BusyError where it has no room.
    """
    hold = client.define([msgspec.to_builtins(definition)])[0]
    if not hold["rung"]:
        return _reject(definition, "function.sandbox_refused", hold["said"], "")
    try:
        lease = client.lease(definition.name, definition.version, "proof")
    except SkerryError as error:
        if error.exit_code == 6:
            raise  # busy: nothing is proved either way
        return _reject(definition, error.code, error.message, "")
    with lease:
        return _watch(definition, lease, hold["said"], root, clock)


def _watch(
    definition: Definition, lease: Lease, said: str, root: Path, clock: Callable[[], float]
) -> Proved | Rejected:
    deadline = clock() + INIT_S_MAX
    while True:
        left_s = deadline - clock()
        try:
            frame = lease.read(left_s) if left_s > 0 else None
        except TimeoutError:
            frame, left_s = None, 0.0
        if frame is None:
            output = lease.drain()
            how = "did not finish loading in 10 s" if left_s <= 0 else "ended while it was loading"
            message = f"{definition.handler} {how}"
            return _reject(definition, "function.init_failed", message, output)
        told = json.loads(frame.payload)
        if frame.kind == frames.READY:
            return Proved(definition.version, told["init_ms"], said)
        if frame.kind == frames.ERROR:
            where = _place(told["trace"], definition, root)
            text = f"{told['type']}: {told['message']}"
            output = lease.drain() + told["trace"]
            return _reject(definition, "function.init_failed", text, output, where)


def _reject(
    definition: Definition, code: str, message: str, output: str, where: Place | str = ""
) -> Rejected:
    finding = Finding(
        code, "error", where or f"function {definition.name}", message, hint=_hints(code)
    )
    return Rejected(definition.version, (finding,), output)


def _hints(code: str) -> str:
    if code == "function.init_failed":
        return "the version before it keeps serving; save again when it is mended"
    return ""


def _place(trace: str, definition: Definition, root: Path) -> Place | str:
    """The last place in the user's own code that a traceback names."""
    places = re.findall(r'File "([^"]+)", line (\d+)', trace)
    own = [p for p in places if p[0].startswith(definition.origin)]
    if not own:
        return ""
    path, line = own[-1]
    shown = Path(path)
    return Place(str(shown.relative_to(root)) if shown.is_relative_to(root) else path, int(line))
