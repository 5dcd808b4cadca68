"""One link to engines that come and go: snapshots follow, questions do not get another's answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from skerry.base.errors import BusyError, CallerError
from skerry.control.engines import EngineLink
from skerry.pop.frames import Frames, encode
from tests.support.wait import until_async


class Engine:
    """What an engine's shell answers, in memory."""

    def __init__(self, pid: int, version: int = 0, refuses: bool = False) -> None:
        self.pid, self.version, self.refuses = pid, version, refuses
        self.bodies: list[bytes] = []
        self.hangs = False
        self.writers: list[asyncio.StreamWriter] = []

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        frames = Frames()
        while data := await reader.read(65536):
            for head, body in frames.feed(data):
                if head.get("op") == "apply" and self.refuses:
                    writer.write(
                        encode({"ok": False, "code": "engine.refused", "message": "format"})
                    )
                    continue
                if head.get("op") == "apply":
                    self.bodies.append(body)
                    self.version = int(body)
                if not self.hangs:
                    writer.write(
                        encode({"ok": True, "pid": self.pid, "version": self.version}, b"{}")
                    )
        writer.close()


@asynccontextmanager
async def listening(path: Path, engine: Engine) -> AsyncIterator[None]:
    path.unlink(missing_ok=True)  # noqa: ASYNC240 - one unlink of a test's socket
    server = await asyncio.start_unix_server(engine.converse, path)
    try:
        yield
    finally:
        server.close()
        for writer in engine.writers:
            writer.close()


@asynccontextmanager
async def linked(path: Path) -> AsyncIterator[EngineLink]:
    link = EngineLink("us-east", str(path), "t")
    keeper = asyncio.get_running_loop().create_task(link.keep())
    try:
        yield link
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)


def test_a_successor_gets_the_snapshot_again(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "s"
        first, second = Engine(1), Engine(2)
        async with linked(path) as link:
            await link.want(3, b"3")
            assert link.applied == 0, "nobody is there yet"
            async with listening(path, first):
                await asyncio.wait_for(link.until(lambda each: each.applied == 3), 5)
                assert (link.pid, first.bodies) == (1, [b"3"])
                await link.want(3, b"3")
                assert first.bodies == [b"3"], "not twice"
            await asyncio.wait_for(link.until(lambda each: each.pid == 0), 5)
            async with listening(path, second):
                await asyncio.wait_for(link.until(lambda each: each.applied == 3), 5)
                assert (link.pid, second.bodies) == (2, [b"3"])

    asyncio.run(story())


def test_one_that_restored_it_is_left_alone(tmp_path: Path) -> None:
    async def story() -> None:
        engine = Engine(1, version=7)
        async with listening(tmp_path / "s", engine), linked(tmp_path / "s") as link:
            await link.want(7, b"7")
            await asyncio.wait_for(link.until(lambda each: each.applied == 7), 5)
            assert engine.bodies == []

    asyncio.run(story())


def test_away_refused_and_hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skerry.control.engines.ANSWER_S", 0.05)

    async def story() -> None:
        async with linked(tmp_path / "s") as link:
            with pytest.raises(BusyError, match="restarting"):
                await link.ask("status")
            engine = Engine(1, refuses=True)
            async with listening(tmp_path / "s", engine):
                await asyncio.wait_for(link.until(lambda each: each.pid == 1), 5)
                await link.want(1, b"1")
                assert (link.applied, link.refused) == (0, "format")
                with pytest.raises(CallerError, match="us-east: format"):
                    await link.ask("apply", b"1")
                engine.hangs = True
                with pytest.raises(BusyError, match="no answer in"):
                    await link.ask("status")
                assert link.pid == 0, "a late answer would be taken for the next one's"
                engine.hangs = False
                await until_async(lambda: link.pid == 1, what="connected again")
                assert (await link.ask("status"))[1] == b"{}"

    asyncio.run(story())
