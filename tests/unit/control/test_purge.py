"""A purge is done when every PoP has it, and says who has not. With real engines: test_service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from skerry.control.purge import purge_all
from skerry.pop.purge import Purge
from tests.unit.control.test_engines import Engine, linked, listening


def test_who_is_away_is_pending(tmp_path: Path) -> None:
    async def story() -> dict[str, object]:
        engine = Engine(1)
        async with (
            listening(tmp_path / "a", engine),
            linked(tmp_path / "a") as here,
            linked(tmp_path / "b") as away,
        ):
            away.pop = "eu-west"
            return await purge_all([here, away], Purge(paths=("/a",)), timeout_s=0.2)

    answer = json.loads(json.dumps(asyncio.run(story())))
    assert [each["pop"] for each in answer["done"]] == ["us-east"]
    assert answer["pending"] == ["eu-west"]


def test_who_comes_back_in_time_is_purged(tmp_path: Path) -> None:
    async def story() -> dict[str, object]:
        async with linked(tmp_path / "a") as link:
            purging = asyncio.get_running_loop().create_task(
                purge_all([link], Purge(all=True), timeout_s=5)
            )
            await asyncio.sleep(0)
            async with listening(tmp_path / "a", Engine(1)):
                return await purging

    assert asyncio.run(story())["pending"] == []
