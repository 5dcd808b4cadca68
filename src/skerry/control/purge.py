"""A purge on every PoP: it is done when all have it durably, and says who has not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec

from skerry.base.errors import BusyError
from skerry.control.engines import EngineLink
from skerry.pop.purge import Purge


async def purge_all(
    links: Sequence[EngineLink], purge: Purge, timeout_s: float
) -> dict[str, object]:
    """`{"done": [{"pop", "sequence", "ms", "held", "purged"}], "pending": [names]}`.

    held: objects that the PoP stored when the purge came. purged: how many of them it is about, where that is known
    without looking at each, which is for everything alone; else null (docs/decisions/engine.md).

    An engine that restarts is waited for: its cache is empty then, but a request under way at its origin may still
    be older than the purge, and its journal must know. Raises CallerError where an engine refuses the purge.
    """
    body = msgspec.json.encode(purge)
    began = time.monotonic()
    done: list[dict[str, object]] = []

    async def one(link: EngineLink) -> None:
        while True:
            await link.until(lambda each: each.pid > 0)
            try:
                head, _body = await link.ask("purge", body)
            except BusyError:
                continue  # it died over it: the next one must get it
            ms = round((time.monotonic() - began) * 1000, 1)
            held = head.get("held")
            counted = held if purge.all else None
            told = {"sequence": head.get("sequence"), "ms": ms, "held": held, "purged": counted}
            done.append({"pop": link.pop, **told})
            return

    try:
        async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as tasks:
            for link in links:
                tasks.create_task(one(link))
    except TimeoutError:
        pass  # whoever is missing stands in `pending`
    except ExceptionGroup as group:
        raise group.exceptions[0] from group
    names = {each["pop"] for each in done}
    return {"done": done, "pending": [link.pop for link in links if link.pop not in names]}
