"""Control's connections to the engines: one each, kept, and made again when an engine is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from skerry.base.errors import BusyError, CallerError
from skerry.pop.frames import FrameError, Frames, encode

Answer = tuple[dict[str, object], bytes]

ANSWER_S = 10.0
RETRY_S = 0.05  # only while nobody listens at all: the socket outlives engines, so this means init is going


class Wire(asyncio.Protocol):
    """One connection: frames in, and the news of its end. Questions are asked one at a time."""

    def __init__(self) -> None:
        self.gone = asyncio.get_running_loop().create_future()
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for answer in self._frames.feed(data):
                if self._waiting is not None and not self._waiting.done():
                    self._waiting.set_result(answer)
        except FrameError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(
                ConnectionResetError("the engine has closed the connection")
            )
        if not self.gone.done():
            self.gone.set_result(None)

    async def ask(self, head: dict[str, object], body: bytes) -> Answer:
        """Raises OSError, TimeoutError; then the connection is of no use: a late answer would be the next one's."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("not connected")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(encode(head, body))
        try:
            return await asyncio.wait_for(self._waiting, ANSWER_S)
        except (TimeoutError, asyncio.CancelledError):
            self.close()
            raise

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class EngineLink:
    """One engine. What it was told last holds for its successors too: they get the snapshot when they appear.

    socket  path of the engine's socket, relative to the run folder (unix paths end at 107 bytes)
    """

    def __init__(self, pop: str, socket: str, token: str) -> None:
        self.pop = pop
        self.pid = 0
        self.applied = 0  # version of the snapshot that it serves
        self.refused = ""  # why it did not take the last one
        self._socket = socket
        self._token = token
        self._wanted: tuple[int, bytes] | None = None
        self._wire: Wire | None = None
        self._turn = asyncio.Lock()
        self._changed = asyncio.Condition()

    async def keep(self) -> None:
        """Stay connected for ever: notice a dead engine, find its successor, bring it up to date."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                _transport, wire = await loop.create_unix_connection(Wire, self._socket)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            async with self._turn:
                await self._greet(wire)
            await self._tell()
            await wire.gone
            async with self._turn:
                self._let_go()
            await self._tell()

    async def _greet(self, wire: Wire) -> None:
        try:
            head, _body = await wire.ask({"token": self._token, "op": "hello"}, b"")
        except (OSError, TimeoutError):
            wire.close()
            return
        if not head.get("ok"):
            self.refused = str(head.get("message"))
            wire.close()
            await asyncio.sleep(RETRY_S)
            return
        self._wire, self.pid, self.applied = (
            wire,
            number(head.get("pid")),
            number(head.get("version")),
        )
        await self._push()

    def _let_go(self) -> None:
        """The wire is of no use: whoever waits for an engine waits for the next one from here on."""
        if self._wire is not None:
            self._wire.close()
        self._wire, self.pid, self.applied = None, 0, 0

    async def _push(self) -> None:
        if self._wire is None or self._wanted is None or self.applied == self._wanted[0]:
            return
        try:
            head, _body = await self._wire.ask({"op": "apply"}, self._wanted[1])
        except (OSError, TimeoutError):
            self._let_go()  # keep() brings it to the next process
            return
        if head.get("ok"):
            self.applied, self.refused = number(head.get("version")), ""
        else:
            self.refused = str(head.get("message"))

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def want(self, version: int, snapshot: bytes) -> None:
        """From now on this snapshot, whichever process serves. Returns when the present one has answered."""
        self._wanted = (version, snapshot)
        async with self._turn:
            await self._push()
        await self._tell()

    async def ask(self, op: str, body: bytes = b"", **more: object) -> Answer:
        """One op. Raises BusyError where the engine is away, CallerError where it refuses."""
        async with self._turn:
            try:
                if self._wire is None:
                    raise ConnectionResetError("it is restarting")
                head, answer = await self._wire.ask({"op": op, **more}, body)
            except (OSError, TimeoutError) as error:
                self._let_go()  # at once: keep() may hear of the end later than this caller tries again
                why = str(error) or f"no answer in {ANSWER_S:g} s"
                raise BusyError(
                    "engine.away",
                    f"PoP {self.pop}: {why}",
                    hint="try again in a second",
                    about=self.pop,
                ) from error
        if not head.get("ok"):
            message = f"PoP {self.pop}: {head.get('message')}"
            raise CallerError(str(head.get("code")), message, about=self.pop)
        return head, answer

    async def until(self, condition: Callable[[EngineLink], bool]) -> None:
        """Wait for a state of this link."""
        async with self._changed:
            await self._changed.wait_for(lambda: condition(self))


def number(value: object) -> int:
    """A number of an answer; 0 for anything else."""
    return value if isinstance(value, int) else 0
