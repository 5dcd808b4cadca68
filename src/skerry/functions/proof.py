"""Prove a version before anybody is told of it: load it in a spare worker and see.

A saved handler that does not load must not replace one that does. Control prepares the new version here,
and only then emits the snapshot that names it; a rejected one leaves the old in place.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec

from skerry.base.errors import SkerryError
from skerry.base.finding import Finding, Place
from skerry.functions.guest import frames
from skerry.functions.lease import LauncherClient, Lease
from skerry.functions.lint import lint
from skerry.functions.store import Definition, freeze
from skerry.spec.function import Function

# Lambda's own limit for a function's init.
INIT_S_MAX = 10.0
KEPT = "the version before it keeps serving; save again when it is mended"


class Proved(msgspec.Struct, frozen=True):
    """It loads. init_ms: how long that took, 0 where it was proved before; findings: none is an error."""

    definition: Definition
    init_ms: float = 0.0
    findings: tuple[Finding, ...] = ()


class Rejected(msgspec.Struct, frozen=True):
    """It does not. output: what it printed meanwhile."""

    function: str
    findings: tuple[Finding, ...]
    output: str = ""


def prepare(
    function: Function,
    root: Path,
    folder: Path,
    client: LauncherClient,
    *,
    proved: Collection[str] = (),
    in_place: bool = False,
) -> Proved | Rejected:
    """All that lies between a function as it is written and one that engines may call.

    root       the project's folder
    folder     where frozen code is kept
    proved     versions that need no proof, since one was had; their definition is still made and returned
    in_place   under a debugger: run where it was written
    Raises OSError (launcher or disk), BusyError (no room for a spare worker). Blocks: call it in a thread.
    """
    findings = lint(function, root)
    if any(finding.level == "error" for finding in findings):
        return Rejected(function.name, tuple(map(kept, findings)))
    definition = freeze(function, root, folder, in_place=in_place)
    if isinstance(definition, Finding):
        return Rejected(function.name, (*findings, definition))
    if definition.version in proved:
        # told all the same: a version from before yesterday's saves may be forgotten there
        client.define([msgspec.to_builtins(definition)])
        return Proved(definition, 0.0, tuple(findings))
    verdict = prove(definition, client, root)
    return msgspec.structs.replace(verdict, findings=(*findings, *verdict.findings))


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
    verdict = _try_out(definition, client, hold, root, clock)
    if isinstance(verdict, Rejected) and hold["new"]:
        # else some bad saves would push the good version, which still serves, out of the launcher's memory
        client.forget(definition.name, definition.version)
    return verdict


def _try_out(
    definition: Definition,
    client: LauncherClient,
    hold: dict[str, Any],  # Any: JSON of the launcher
    root: Path,
    clock: Callable[[], float],
) -> Proved | Rejected:
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
            return Proved(definition, told["init_ms"], _of_sandbox(said))
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
    return Rejected(definition.name, (finding,), output)


def _of_sandbox(said: str) -> tuple[Finding, ...]:
    if not said:
        return ()
    # one place for all functions: said once, not once a function
    return (
        Finding("function.shared_user", "note", "functions", said, hint=_hint_of_sandbox(said)),
    )


def _hint_of_sandbox(said: str) -> str:
    """The way out for each cause that skerry.process.identity names; which user a worker has is decided there."""
    if "as root" in said:
        return (
            "nothing, for code of your own on a machine of your own; only as root can each function have a user"
            " of its own"
        )
    if "cannot read" in said:
        return "use an interpreter and a project folder that every user can read, outside of a private home"
    return "give the container a range of uids: 65,536 are enough (/proc/self/uid_map shows it)"


def kept(finding: Finding) -> Finding:
    """What keeps a function from being taken, with what serves meanwhile: the reader of an edit would not know."""
    if finding.level != "error":
        return finding
    between = " " if finding.hint.endswith("?") else "; " if finding.hint else ""
    return msgspec.structs.replace(finding, hint=f"{finding.hint}{between}{KEPT}")


def _hints(code: str) -> str:
    return KEPT if code == "function.init_failed" else ""


def _place(trace: str, definition: Definition, root: Path) -> Place | str:
    """The last place in the user's own code that a traceback names."""
    places = re.findall(r'File "([^"]+)", line (\d+)', trace)
    own = [p for p in places if p[0].startswith(definition.origin)]
    if not own:
        return ""
    path, line = own[-1]
    shown = Path(path)
    return Place(str(shown.relative_to(root)) if shown.is_relative_to(root) else path, int(line))
