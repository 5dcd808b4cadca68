"""Control's side of functions: what the launcher may run, and proof that a new version loads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skerry.control.launcher import LauncherLink
from skerry.control.reload import Proven
from skerry.spec.function import Function


class Prover:
    """Not joined to the functions' room yet."""

    def __init__(self, launcher: LauncherLink) -> None:
        self._launcher = launcher

    async def prove(self, functions: Sequence[Function], before: Mapping[str, str]) -> Proven:
        return Proven({})
