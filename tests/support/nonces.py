"""Function calls through the front door, each with a nonce of its own, while parts of the run are killed.

What a call answers is told apart by what was asked: its own nonce, an error that was due, an error that a
kill explains, or a connection that a killed engine cut. Anything else raises.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass, field

from tests.support.echo import EchoRun
from tests.support.wait import until_async

CONNECTIONS = 32
BACK_WITHIN_S = 10.0
# Of so many calls the n-th is of this kind; all others answer at once.
KINDS = {
    "sleep": (50, 1),
    "print": (100, 2),
    "raise": (250, 3),
    "leave": (500, 4),
    "die": (500, 5),
    "late": (1000, 6),
}


class Foreign(AssertionError):
    """An answer that belongs to somebody else, or to nobody."""


class Link(asyncio.Protocol):
    """A connection that is kept: one request, one answer."""

    def __init__(self) -> None:
        self._held = b""
        self._answer: asyncio.Future[tuple[int, str, str]] | None = None
        self._transport: asyncio.Transport | None = None
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.open = transport, True

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("cut"))

    def data_received(self, data: bytes) -> None:
        self._held += data
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._held[:end].decode().lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        whole = end + 4 + int(fields["content-length"])
        if len(self._held) < whole:
            return
        body, self._held = self._held[end + 4 : whole].decode(), self._held[whole:]
        if self._held or self._answer is None or self._answer.done():
            raise Foreign(f"bytes that nobody has asked for: {self._held!r}")
        self._answer.set_result((int(head.split(" ", 2)[1]), fields.get("x-nonce", ""), body))

    def send(self, nonce: str, kind: str) -> asyncio.Future[tuple[int, str, str]]:
        """Status, nonce in the head, body. The future raises ConnectionResetError where it is cut."""
        self._answer = asyncio.get_running_loop().create_future()
        assert self._transport is not None
        self._transport.write(
            f"GET /{kind} HTTP/1.1\r\nHost: localhost\r\nX-Nonce: {nonce}\r\n\r\n".encode()
        )
        return self._answer

    def close(self) -> None:
        """Cut it: what was sent still goes out."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()


@dataclass
class Storm:
    """So many calls with their own nonce back; each list says after how many of them a part is killed.

    tally   outcomes: own, due (an error that was asked for), failed (503 without having asked), cut, left
    back_s  part → seconds from its kill until it was ready again
    """

    run: EchoRun
    calls: int
    worker_every: int = 500
    launcher_at: list[int] = field(default_factory=list)
    engine_at: list[int] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    back_s: dict[str, list[float]] = field(default_factory=dict)

    async def blow(self) -> None:
        """Until all calls are made. Raises Foreign, and ConnectionRefusedError where a connect is refused."""
        numbers = itertools.count()
        chance = random.Random(7)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CONNECTIONS):
                tasks.create_task(self._call_on(numbers))
            tasks.create_task(self._kill_workers(chance))
            tasks.create_task(self._kill_part("launcher", self.launcher_at))
            tasks.create_task(self._kill_part(self.run.engine, self.engine_at))

    def over(self) -> bool:
        return self.tally["own"] >= self.calls

    async def _call_on(self, numbers: itertools.count[int]) -> None:
        loop = asyncio.get_running_loop()
        link = Link()
        while not self.over():
            if not link.open:
                _, link = await loop.create_connection(Link, "127.0.0.1", self.run.port)
            number = next(numbers)
            kind = next(
                (kind for kind, (every, nth) in KINDS.items() if number % every == nth), "echo"
            )
            await self._call(link, f"n{number}-{kind}", kind)
        link.close()

    async def _call(self, link: Link, nonce: str, kind: str) -> None:
        asked = link.send(nonce, kind)
        if kind == "leave":
            await asyncio.sleep(0)  # the bytes are on their way
            link.close()
            asked.cancel()
            self.tally["left"] += 1
            return
        try:
            async with asyncio.timeout(20):
                status, told, body = await asked
        except ConnectionResetError:
            self.tally["cut"] += 1
            return
        if status == 200:
            if told != nonce or body != nonce or kind in ("raise", "die", "late"):
                raise Foreign(f"{nonce} got {told!r} and {body!r}")
            self.tally["own"] += 1
        elif status == 503 and kind in ("raise", "die", "late"):
            self.tally["due"] += 1
        elif status == 503:
            self.tally["failed"] += 1
        else:
            raise Foreign(f"{nonce} got status {status}: {body!r}")

    async def _kill_workers(self, chance: random.Random) -> None:
        for at in range(self.worker_every, self.calls, self.worker_every):
            await self.reach(at)
            workers = self.run.workers()
            if workers:
                self.run.kill(chance.choice(workers))
                self.killed["worker"] += 1

    async def _kill_part(self, part: str, places: list[int]) -> None:
        loop = asyncio.get_running_loop()
        for at in places:
            await self.reach(at)
            before = self.run.pid(part)
            began = loop.time()
            os.kill(before, signal.SIGKILL)
            self.killed[part] += 1
            await until_async(
                lambda before=before: self.run.pid(part) not in (0, before),  # type: ignore[misc]  # bound on purpose
                within_s=BACK_WITHIN_S,
                what=f"{part} is back",
            )
            self.back_s.setdefault(part, []).append(loop.time() - began)

    async def reach(self, at: int) -> None:
        """Wait until so many calls have had their own answer."""
        await until_async(
            lambda: self.tally["own"] >= at or self.over(), within_s=600, what=f"{at} calls"
        )
