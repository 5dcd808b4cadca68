"""What control tells everybody who listens: edits that were taken or refused, parts that restarted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

BACKLOG_MAX = 100


class Events:
    """Fan-out with bounded queues: a listener that does not read loses the oldest, and nobody waits for it."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[dict[str, object]]] = set()

    def tell(self, event: str, **facts: object) -> None:
        for queue in self._queues:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait({"event": event, **facts})

    @contextmanager
    def listen(self) -> Iterator[AsyncIterator[dict[str, object]]]:
        """Events from now on."""
        queue: asyncio.Queue[dict[str, object]] = asyncio.Queue(BACKLOG_MAX)
        self._queues.add(queue)

        async def each() -> AsyncIterator[dict[str, object]]:
            while True:
                yield await queue.get()

        try:
            yield each()
        finally:
            self._queues.discard(queue)
