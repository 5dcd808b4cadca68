"""Things to do later, for a loop of one thread."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Timers:
    """now: a monotonic clock, seconds. Nothing is cancelled: a due action looks whether it still applies."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now() + delay_s, next(self._order), action))

    def wait_s(self) -> float | None:
        """Until the next one, or None where nothing is due."""
        return max(0.0, self._due[0][0] - self.now()) if self._due else None

    def run_due(self) -> None:
        while self._due and self._due[0][0] <= self.now():
            heapq.heappop(self._due)[2]()
