"""Waiting in tests: for a condition and with a deadline, never for a while."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
STEP_S = 0.005


def until(condition: Callable[[], T], *, within_s: float = 5.0, what: str = "") -> T:
    """Poll until `condition()` is true, and return what it returned. AssertionError past the deadline."""
    deadline_s = time.monotonic() + within_s
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {within_s} s: {what or inspect.getsource(condition)}")
        time.sleep(STEP_S)


async def until_async(
    condition: Callable[[], Awaitable[T] | T], *, within_s: float = 5.0, what: str = ""
) -> T:
    """The same on an event loop; the condition may be a coroutine function."""
    deadline_s = time.monotonic() + within_s
    while True:
        answer = condition()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found  # type: ignore[return-value]  # isawaitable has told the two apart
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {within_s} s: {what or inspect.getsource(condition)}")
        await asyncio.sleep(STEP_S)
