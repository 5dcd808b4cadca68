"""Tasks end with their owner, and one that fails is told of."""

from __future__ import annotations

import asyncio

import pytest

from skerry.base.tasks import Tasks


async def forever(ended: list[str]) -> None:
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        ended.append("ended")


async def fail() -> None:
    raise ValueError("broken")


def test_close_ends_what_runs() -> None:
    async def run() -> None:
        ended: list[str] = []
        tasks = Tasks(lambda name, error: None)
        tasks.start("a", forever(ended))
        tasks.start("b", forever(ended))
        await asyncio.sleep(0)
        assert len(tasks) == 2
        await tasks.close()
        assert (ended, len(tasks)) == (["ended", "ended"], 0)

    asyncio.run(run())


def test_a_failure_is_told_and_stops_no_other() -> None:
    async def run() -> None:
        told: list[tuple[str, str]] = []
        tasks = Tasks(lambda name, error: told.append((name, str(error))))
        tasks.start("good", forever([]))
        bad = tasks.start("bad", fail())
        await asyncio.wait([bad])
        await asyncio.sleep(0)
        assert told == [("bad", "broken")]
        assert len(tasks) == 1
        await tasks.close()

    asyncio.run(run())


def test_nothing_starts_after_close() -> None:
    async def run() -> None:
        tasks = Tasks(lambda name, error: None)
        await tasks.close()
        with pytest.raises(RuntimeError, match="late"):
            tasks.start("late", fail())

    asyncio.run(run())
