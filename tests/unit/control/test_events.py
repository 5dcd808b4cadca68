"""Events reach every listener; one that does not read loses the oldest."""

from __future__ import annotations

import asyncio

from skerry.control.events import BACKLOG_MAX, Events


async def take(count: int) -> list[object]:
    events = Events()
    events.tell("before")
    with events.listen() as listener:
        for number in range(count):
            events.tell("n", number=number)
        kept = min(count, BACKLOG_MAX)
        return [(await anext(listener))["number"] for _n in range(kept)]


def test_order_and_bound() -> None:
    assert asyncio.run(take(3)) == [0, 1, 2]
    assert asyncio.run(take(BACKLOG_MAX + 5)) == list(range(5, BACKLOG_MAX + 5))
