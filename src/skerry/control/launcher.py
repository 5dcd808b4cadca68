"""Control's connection to the launcher: kept, and every definition told again to a new launcher."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from skerry.base.errors import BusyError, CodeError

ANSWER_S = 30.0
RETRY_S = 0.05

Definition = dict[str, object]


class LauncherLink:
    """One launcher after the other behind one socket.

    socket  relative to the run folder
    """

    def __init__(self, socket: str, token: str) -> None:
        self._socket = socket
        self._token = token
        self._definitions: list[Definition] = []
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()
        self._gone = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._streams is not None

    async def keep(self) -> None:
        """Stay connected for ever; tell a new launcher what it must know."""
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._socket)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            async with self._turn:
                self._streams = (reader, writer)
                self._gone.clear()
                try:
                    writer.write(json.dumps({"token": self._token}).encode() + b"\n")
                    if self._definitions:
                        await self._exchange({"op": "define", "functions": self._definitions})
                except (OSError, ValueError, TimeoutError):
                    self._drop()
            if self._streams is not None:
                await self._watch(reader)

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        """Until the launcher is gone. Answers come only while `_turn` is held, so an end is all there is to read."""
        while not self._gone.is_set():
            async with self._turn:
                if reader.at_eof() or self._streams is None:
                    self._drop()
                    return
            try:
                await asyncio.wait_for(self._gone.wait(), RETRY_S)
            except TimeoutError:
                continue

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
        self._gone.set()

    async def _exchange(self, ask: dict[str, object]) -> dict[str, object]:
        if self._streams is None:
            raise ConnectionResetError("the launcher is restarting")
        reader, writer = self._streams
        writer.write(json.dumps(ask).encode() + b"\n")
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), ANSWER_S)
        if not line:
            raise ConnectionResetError("the launcher has ended")
        answer = json.loads(line)
        if not isinstance(answer, dict):
            raise ValueError("the launcher's answer is no object")
        return answer

    async def define(self, definitions: Sequence[Definition]) -> None:
        """Make these known, now and to every later launcher. Raises CodeError where the launcher refuses."""
        self._definitions = list(definitions)
        async with self._turn:
            try:
                answer = await self._exchange({"op": "define", "functions": self._definitions})
            except (OSError, ValueError, TimeoutError):
                self._drop()  # keep() tells the next launcher
                return
        if not answer.get("ok"):
            raise CodeError(str(answer.get("code", "launcher.refused")), str(answer.get("message", "refused")))

    async def ask(self, op: str, **more: object) -> dict[str, object]:
        """Any other op. Raises BusyError where the launcher is away."""
        async with self._turn:
            try:
                return await self._exchange({"op": op, **more})
            except (OSError, ValueError, TimeoutError) as error:
                self._drop()
                raise BusyError("launcher.away", f"the launcher did not answer: {error}") from error
