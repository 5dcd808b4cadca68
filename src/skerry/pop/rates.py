"""Rates from counters: the last seconds of each PoP."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

WINDOW = 10  # samples, one a second


class Rates:
    """now: a monotonic clock, seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._samples: dict[str, deque[tuple[float, dict[str, float]]]] = {}

    def add(self, pop: str, counters: Mapping[str, float]) -> None:
        """A sample. Counters that went down belong to a new process: the window starts again."""
        samples = self._samples.setdefault(pop, deque(maxlen=WINDOW))
        if samples and any(value < samples[-1][1].get(name, 0) for name, value in counters.items()):
            samples.clear()
        samples.append((self._now(), dict(counters)))

    def per_second(self, pop: str, name: str) -> float:
        """Over the window; 0 where there is none yet."""
        samples = self._samples.get(pop)
        if not samples or len(samples) < 2:
            return 0.0
        (began, first), (ended, last) = samples[0], samples[-1]
        span_s = ended - began
        return (last.get(name, 0) - first.get(name, 0)) / span_s if span_s > 0 else 0.0
