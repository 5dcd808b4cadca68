"""From files to engines: versions, rejections, functions that do not load."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from skerry.base.errors import ConfigError
from skerry.base.finding import Finding
from skerry.control.reload import Proven, Reload
from skerry.pop.compile import Ports
from skerry.spec.function import Function
from skerry.spec.pop import Local
from skerry.spec.project import Project

PROJECT = Project("/p", "p", functions=(Function("f", "/f", "a.b"),))
BROKEN = Finding("function.init_failed", "error", "function f", "ImportError")


class Functions:
    """Proves what the test says."""

    def __init__(self) -> None:
        self.proven = Proven({"f": "v1"})
        self.before: list[dict[str, str]] = []

    async def prove(self, functions: Sequence[Function], before: Mapping[str, str]) -> Proven:
        self.before.append(dict(before))
        return self.proven


class Rig:
    def __init__(self, run: Path) -> None:
        self.found: Project | ConfigError = PROJECT
        self.functions = Functions()
        self.reload = Reload(
            read=self.read,
            functions=self.functions,
            links=[],
            ports={"us-east": Ports(80)},
            level=None,
            deadlines=True,
            run=run,
        )

    def read(self) -> Project:
        if isinstance(self.found, ConfigError):
            raise self.found
        return self.found

    async def load(self) -> tuple[str, int]:
        outcome = await self.reload.load()
        return outcome.kind, outcome.version


def test_versions_grow_with_the_content_alone(tmp_path: Path) -> None:
    async def story() -> None:
        rig = Rig(tmp_path)
        assert await rig.load() == ("applied", 1)
        assert await rig.load() == ("unchanged", 1)
        rig.found = msgspec.structs.replace(PROJECT, level="strict")
        assert await rig.load() == ("applied", 2)
        again = Rig(tmp_path)
        again.found = rig.found
        assert await again.load() == ("applied", 2), "a restarted control keeps the number"
        assert (
            msgspec.json.decode((tmp_path / "project.json").read_bytes(), type=Project).level
            == "strict"
        )

    asyncio.run(story())


def test_what_cannot_be_served_is_rejected_and_mended(tmp_path: Path) -> None:
    async def story() -> None:
        rig = Rig(tmp_path)
        await rig.load()
        rig.found = ConfigError("project.not_found", "nothing to read", hint="write it")
        assert await rig.load() == ("rejected", 1)
        assert [finding.code for finding in rig.reload.rejected] == ["project.not_found"]
        rig.found = msgspec.structs.replace(PROJECT, findings=(Finding("a.b", "error", "x", "m"),))
        assert await rig.load() == ("rejected", 1)
        assert rig.reload.desired is not None
        assert rig.reload.desired.project == PROJECT
        rig.found = PROJECT
        assert await rig.load() == ("unchanged", 1)
        assert rig.reload.rejected == ()

    asyncio.run(story())


def test_a_function_that_does_not_load_keeps_its_version_and_the_rest_is_taken(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        rig = Rig(tmp_path)
        await rig.load()
        rig.functions.proven = Proven({"f": "v1"}, (BROKEN,))
        rig.found = msgspec.structs.replace(PROJECT, level="strict")
        outcome = await rig.reload.load()
        assert (outcome.kind, outcome.findings) == ("applied", (BROKEN,))
        assert rig.functions.before == [{}, {"f": "v1"}]
        rig.functions.proven = Proven({"f": "v1"})
        assert await rig.load() == ("applied", 2), "told once more: the finding has gone"

    asyncio.run(story())


def test_a_restarted_control_recalls_what_was_served(tmp_path: Path) -> None:
    async def story() -> None:
        assert not await Rig(tmp_path).reload.recall()
        await Rig(tmp_path).load()
        rig = Rig(tmp_path)
        rig.found = ConfigError("project.not_found", "nothing")
        assert await rig.load() == ("rejected", 0)
        assert await rig.reload.recall()
        assert rig.reload.desired is not None
        assert rig.reload.desired.version == 1
        assert rig.reload.rejected, "what is wrong stays told"

    asyncio.run(story())


def test_a_port_that_the_file_has_changed_is_told_until_it_is_changed_back(tmp_path: Path) -> None:
    async def story() -> None:
        rig = Rig(tmp_path)
        assert (await rig.reload.load()).findings == ()
        rig.found = msgspec.structs.replace(PROJECT, local=Local(http_port=9090))
        for _save in range(2):
            codes = [finding.code for finding in (await rig.reload.load()).findings]
            assert codes == ["pop.needs_restart"]
        rig.found = PROJECT
        assert (await rig.reload.load()).findings == ()

    asyncio.run(story())
