"""Tasks that belong to somebody: started by name, watched, and ended before their owner ends.

asyncio.TaskGroup is right where all tasks share one fate. A service has tasks of unequal fate (one a
connection, one a watch): `Tasks` ends them all at `close` and tells of one that failed meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Failed = Callable[[str, BaseException], None]


class Tasks:
    """The running tasks of one owner.

    failed   told the name and the error of a task that raised, as it happens
    """

    def __init__(self, failed: Failed) -> None:
        self._failed = failed
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._running)

    # Any: what a coroutine yields and is sent is the event loop's affair
    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` until it ends or this owner closes. Raises RuntimeError after `close`."""
        if self._closed:
            work.close()
            raise RuntimeError(f"task {name} was started after its owner had closed")
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(task.get_name(), error)

    async def close(self) -> None:
        """Cancel what runs and wait until all of it has ended."""
        self._closed = True
        for task in list(self._running):
            task.cancel()
        while self._running:
            await asyncio.wait(self._running)
