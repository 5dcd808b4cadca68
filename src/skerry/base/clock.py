"""Time, handed in: decisions take a `Clock`, tests and the simulator give a `VirtualClock`."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Clock(Protocol):
    """What a room may know of time."""

    def now_s(self) -> float:
        """Seconds since 1970, UTC: for what people read and what HTTP dates say. It may jump."""

    def monotonic_s(self) -> float:
        """Seconds since some moment: for deadlines and durations. It never goes back."""

    async def sleep(self, duration_s: float) -> None:
        """Come back after that long."""


class SystemClock:
    """The machine's."""

    def now_s(self) -> float:
        """See Clock."""
        return time.time()

    def monotonic_s(self) -> float:
        """See Clock."""
        return time.monotonic()

    async def sleep(self, duration_s: float) -> None:
        """See Clock."""
        await asyncio.sleep(duration_s)


class VirtualClock:
    """Stands still until `advance` moves it; sleepers wake in the order of their time, then of arrival."""

    def __init__(self, now_s: float = 1_700_000_000.0) -> None:
        self._start_s = now_s
        self._passed_s = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now_s(self) -> float:
        """See Clock."""
        return self._start_s + self._passed_s

    def monotonic_s(self) -> float:
        """See Clock."""
        return self._passed_s

    async def sleep(self, duration_s: float) -> None:
        """See Clock; not more than zero seconds: give way once."""
        if duration_s <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed_s + duration_s, next(self._order), woken))
        await woken

    async def advance(self, duration_s: float) -> None:
        """Let that much time pass, waking each sleeper at its own moment.

        A woken sleeper runs until it waits again before time goes on, so what it starts then is
        part of the same passage.
        """
        until_s = self._passed_s + duration_s
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until_s:
            self._passed_s, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():  # cancelled while asleep
                woken.set_result(None)
                await settle()
        self._passed_s = until_s


async def settle(rounds: int = 16) -> None:
    """Give every task that can run its turn. Chains of wake-ups longer than `rounds` need a larger one."""
    for _ in range(rounds):
        await asyncio.sleep(0)
