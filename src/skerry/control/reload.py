"""From files to every engine: read, prove, compile, define, push. Where any of it fails, the last good state stays."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from skerry.base.errors import ConfigError, SkerryError
from skerry.base.finding import Finding
from skerry.control.desired import Desired, desire, servable, with_level
from skerry.control.engines import EngineLink
from skerry.pop.compile import Ports, moved_ports
from skerry.spec.function import Function
from skerry.spec.pop import Local
from skerry.spec.project import Level, Project

ACK_S = 10.0


class Proven(msgspec.Struct, frozen=True):
    """Which version of each function may be called, and what proving them has shown."""

    versions: dict[str, str]
    findings: tuple[Finding, ...] = ()


class Functions(Protocol):
    """What reload asks of the functions' side."""

    async def prove(self, functions: Sequence[Function], before: Mapping[str, str]) -> Proven:
        """Load each new version in a spare worker. A bad one keeps the version in `before`, with a finding."""


class Outcome(msgspec.Struct, frozen=True):
    """kind: applied · unchanged · rejected (the last good state stays). pending: PoPs that have not acknowledged."""

    kind: str
    version: int
    findings: tuple[Finding, ...] = ()
    pending: tuple[str, ...] = ()


class Reload:
    """The one writer of desired state.

    read    the project's reader; raises ConfigError where there is nothing to read
    run     folder in which version and project are kept, for `diff` and for a restarted control
    """

    def __init__(
        self,
        *,
        read: Callable[[], Project],
        functions: Functions,
        links: Sequence[EngineLink],
        ports: Mapping[str, Ports],
        level: Level | None,
        deadlines: bool,
        run: Path,
    ) -> None:
        self._read = read
        self._functions = functions
        self._links = links
        self._ports = ports
        self._level = level
        self._deadlines = deadlines
        self._run = run
        self._turn = asyncio.Lock()
        self._began: Local | None = None  # [local] as it was when this process read it first
        self.desired: Desired | None = None
        self.rejected: tuple[Finding, ...] = ()  # of the last edit, while it is bad

    async def load(self) -> Outcome:
        """Bring what the files say to every PoP, and wait until all have it."""
        async with self._turn:
            try:
                project = with_level(await asyncio.to_thread(self._read), self._level)
            except ConfigError as error:
                return self._reject(error.findings or (as_finding(error),))
            if not servable(project.findings):
                return self._reject(project.findings)
            return await self._bring(project)

    async def recall(self) -> bool:
        """For a restarted control whose files are broken now: go on from the project that was served."""
        try:
            project = msgspec.json.decode((self._run / "project.json").read_bytes(), type=Project)
        except (OSError, msgspec.MsgspecError):
            return False
        rejected = self.rejected
        async with self._turn:
            await self._bring(project)
        self.rejected = rejected
        return True

    def _reject(self, findings: tuple[Finding, ...]) -> Outcome:
        self.rejected = findings
        return Outcome("rejected", self.desired.version if self.desired else 0, findings)

    async def _bring(self, project: Project) -> Outcome:
        before = self.desired
        self._began = self._began or project.local
        proven = await self._functions.prove(project.functions, before.versions if before else {})
        draft = desire(
            project,
            version=0,
            versions=proven.versions,
            ports=self._ports,
            is_folder=lambda path: Path(path).is_dir(),
            deadlines=self._deadlines,
            more=(*proven.findings, *moved_ports(self._began, project.local)),
        )
        # A function that does not load is no reason to refuse the rest: its old version stays, and it is told.
        faults = [finding for finding in draft.findings if finding not in proven.findings]
        if before is not None and not servable(faults):
            return self._reject(draft.findings)
        digest = hashlib.sha256(msgspec.json.encode(draft.snapshots, order="sorted")).hexdigest()
        version, same = self._number(digest)
        desired = msgspec.structs.replace(
            draft,
            version=version,
            snapshots={
                pop: msgspec.structs.replace(snapshot, version=version)
                for pop, snapshot in draft.snapshots.items()
            },
        )
        pending = await self._push(desired)
        self.desired, self.rejected = desired, ()
        self._write("project.json", msgspec.json.encode(project))
        self._write("version", f"{version} {digest}".encode())
        told = before is not None and before.findings == desired.findings
        kind = "unchanged" if same and told else "applied"
        return Outcome(kind, version, desired.findings, tuple(pending))

    def _number(self, digest: str) -> tuple[int, bool]:
        """The version for a content: the old one where nothing differs, also after control was restarted."""
        try:
            number, known = (self._run / "version").read_text().split()
        except (OSError, ValueError):
            return 1, False
        return (int(number), True) if known == digest else (int(number) + 1, False)

    async def _push(self, desired: Desired) -> list[str]:
        """Every engine at once; names of those that have not taken it in time."""
        links = [link for link in self._links if link.pop in desired.snapshots]
        await asyncio.gather(
            *(
                link.want(desired.version, msgspec.json.encode(desired.snapshots[link.pop]))
                for link in links
            )
        )
        try:
            async with asyncio.timeout(ACK_S):
                for link in links:
                    await link.until(
                        lambda each: each.applied == desired.version or bool(each.refused)
                    )
        except TimeoutError:
            pass  # told by name below
        return [link.pop for link in links if link.applied != desired.version]

    def _write(self, name: str, data: bytes) -> None:
        draft = self._run / f"{name}.new"
        draft.write_bytes(data)
        draft.chmod(0o600)  # a project holds the origins' secret headers
        draft.replace(self._run / name)


def as_finding(error: SkerryError) -> Finding:
    """An error of reading, in the shape that all else is told in."""
    return Finding(error.code, "error", error.about or "the project", error.message, error.hint)
