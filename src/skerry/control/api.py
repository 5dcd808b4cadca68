"""Control's socket: JSON lines over a unix socket, the token first.

`{"token": …}`, then `{"op": …, …}` → `{"ok": true, …}` or `{"ok": false, "class": "busy", "code": …,
"message": …, "hint": …}`. `events` goes on answering until the caller leaves. A socket file is 0600 in a
0700 folder and still asks for the token: a function of the same user can reach the file.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager

import msgspec

from skerry.base.errors import BugError, CallerError, SkerryError

Ask = dict[str, object]
Op = Callable[[Ask], Awaitable[Mapping[str, object]]]
Stream = Callable[[Ask], AsyncIterator[Mapping[str, object]]]

LINE_BYTES_MAX = 1024 * 1024
BACKLOG_MAX = 100  # events that a listener may be behind


class Api:
    """Ops by name. `streams` answer with many lines."""

    def __init__(self, token: str, ops: Mapping[str, Op], streams: Mapping[str, Stream]) -> None:
        self._token = token
        self._ops = ops
        self._streams = streams

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One caller, until it leaves."""
        try:
            known = False
            while line := await reader.readline():
                ask = parse(line)
                if not known:
                    given = ask.pop("token", "")
                    if not hmac.compare_digest(str(given).encode(), self._token.encode()):
                        await say(
                            writer,
                            refusal(CallerError("control.token", "the token is missing or wrong")),
                        )
                        return
                    known = True
                    if "op" not in ask:
                        continue
                await self._answer(ask, writer)
        except (ConnectionError, ValueError):
            pass  # the caller has gone, or sends no lines of JSON: there is nobody to tell
        finally:
            writer.close()

    async def _answer(self, ask: Ask, writer: asyncio.StreamWriter) -> None:
        name = str(ask.get("op"))
        try:
            if name in self._streams:
                async for event in self._streams[name](ask):
                    await say(writer, {"ok": True, **event})
            elif name in self._ops:
                await say(writer, {"ok": True, **await self._ops[name](ask)})
            else:
                raise CallerError("control.unknown_op", f"control knows no op {name!r}")
        except SkerryError as error:
            await say(writer, refusal(error))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # one op's bug must not end the caller without a word
            await say(
                writer, refusal(BugError("bug.unexpected", f"{type(error).__name__}: {error}"))
            )
            raise


def parse(line: bytes) -> Ask:
    """One line. Raises ValueError."""
    ask = json.loads(line)
    if not isinstance(ask, dict):
        raise ValueError("no object")
    return ask


def refusal(error: SkerryError) -> dict[str, object]:
    """An error as a line; client.py makes the same class of it again."""
    return {
        "ok": False,
        "class": type(error).__name__.removesuffix("Error").lower(),
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
        "about": error.about,
    }


async def say(writer: asyncio.StreamWriter, message: Mapping[str, object]) -> None:
    """One line out."""
    writer.write(msgspec.json.encode(message) + b"\n")
    await writer.drain()


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
