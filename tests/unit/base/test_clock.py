"""The virtual clock wakes sleepers in order and stands still otherwise."""

from __future__ import annotations

import asyncio

from skerry.base.clock import Clock, SystemClock, VirtualClock


async def tick(clock: Clock, every_s: float, name: str, seen: list[tuple[str, float]]) -> None:
    while True:
        await clock.sleep(every_s)
        seen.append((name, clock.monotonic_s()))


def test_sleepers_wake_in_the_order_of_time_then_of_arrival() -> None:
    async def run() -> list[tuple[str, float]]:
        clock, seen = VirtualClock(), []
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(tick(clock, 2, "slow", seen)),
                group.create_task(tick(clock, 1, "fast", seen)),
            ]
            await clock.advance(3.5)
            for task in tasks:
                task.cancel()
        return seen

    assert asyncio.run(run()) == [("fast", 1), ("slow", 2), ("fast", 2), ("fast", 3)]


def test_it_stands_still_until_it_is_moved() -> None:
    async def run() -> None:
        clock = VirtualClock(now_s=1000.0)
        await clock.sleep(0)
        assert (clock.now_s(), clock.monotonic_s()) == (1000.0, 0.0)
        await clock.advance(60)
        assert (clock.now_s(), clock.monotonic_s()) == (1060.0, 60.0)

    asyncio.run(run())


def test_a_cancelled_sleeper_is_passed_over() -> None:
    async def run() -> None:
        clock = VirtualClock()
        sleeper = asyncio.ensure_future(clock.sleep(1))
        await asyncio.sleep(0)
        sleeper.cancel()
        await clock.advance(2)
        assert sleeper.cancelled()

    asyncio.run(run())


def test_the_machine_s_clock_goes_on() -> None:
    clock = SystemClock()
    before = clock.monotonic_s()
    asyncio.run(clock.sleep(0))
    assert clock.monotonic_s() >= before
    assert clock.now_s() > 1_700_000_000
