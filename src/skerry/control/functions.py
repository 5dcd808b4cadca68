"""Control's side of functions: prove what was saved, then let the launcher and the engines know of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from skerry.base.errors import BusyError
from skerry.base.finding import Finding
from skerry.control.reload import Proven
from skerry.spec.function import Function

if TYPE_CHECKING:
    from skerry.functions.lease import LauncherClient

TRIES = 40  # of reaching a launcher that init is restarting
PAUSE_S = 0.05


class Prover:
    """Loads each new version in a spare worker before anybody is told of it.

    root    the project's folder
    folder  where frozen code is kept, readable by workers' own users
    The launcher keeps definitions itself, so that its successor knows them; what it tells here is asked once.
    """

    def __init__(
        self, root: Path, folder: Path, socket: str, token: str, *, in_place: bool
    ) -> None:
        self._root = root
        self._folder = folder
        self._socket = socket
        self._token = token
        self._in_place = in_place
        self._proved: set[str] = set()

    async def prove(self, functions: Sequence[Function], before: Mapping[str, str]) -> Proven:
        """Versions that may be called. A bad one keeps the version in `before`, and is an error only as a finding
        of its own: the rest of the project is served."""
        if not functions:
            return Proven({})
        for _try in range(TRIES):
            try:
                return await asyncio.to_thread(self._prove_all, functions, before)
            except OSError as error:
                refused = error
                await asyncio.sleep(PAUSE_S)
        message = f"the launcher cannot be reached, functions keep their versions: {refused}"
        finding = Finding(
            "launcher.away", "warning", "functions", message, "look into `skerry doctor`"
        )
        return Proven(dict(before), (finding,))

    def _prove_all(self, functions: Sequence[Function], before: Mapping[str, str]) -> Proven:
        from skerry.functions.lease import LauncherClient
        from skerry.functions.store import prune

        versions: dict[str, str] = {}
        findings: list[Finding] = []
        with LauncherClient(self._socket, self._token) as client:
            for function in functions:
                version, said = self._prove(function, client)
                findings += said
                kept = version or before.get(function.name)
                if kept:
                    versions[function.name] = kept
            # what engines may still ask for, and what they are about to be told of, stays
            prune(self._folder, client.versions() | set(versions.values()))
        return Proven(versions, tuple(findings))

    def _prove(self, function: Function, client: LauncherClient) -> tuple[str, Sequence[Finding]]:
        from skerry.functions import proof

        try:
            verdict = proof.prepare(
                function,
                self._root,
                self._folder,
                client,
                proved=self._proved,
                in_place=self._in_place,
            )
        except BusyError as error:
            busy = Finding(
                error.code, "warning", f"function {function.name}", error.message, error.hint
            )
            return "", (busy,)
        if isinstance(verdict, proof.Proved):
            if (
                not self._in_place
            ):  # code that runs where it was written can change under its version
                self._proved.add(verdict.definition.version)
            return verdict.definition.version, verdict.findings
        return "", verdict.findings
