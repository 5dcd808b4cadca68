"""Control's socket: the token first, errors as they are, streams that end with their caller."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

from skerry.base.errors import BusyError
from skerry.control.api import BACKLOG_MAX, Api, Ask, Events


async def echo(ask: Ask) -> dict[str, object]:
    return {"said": ask.get("word")}


async def busy(_ask: Ask) -> dict[str, object]:
    raise BusyError("engine.away", "gone", hint="wait", about="us-east")


async def count(_ask: Ask) -> AsyncIterator[dict[str, object]]:
    for number in range(3):
        yield {"number": number}


async def converse(folder: Path, *lines: str) -> list[dict[str, object]]:
    """Answers to lines on one connection."""
    api = Api("secret", {"echo": echo, "busy": busy}, {"count": count})
    path = folder / "s"
    server = await asyncio.start_unix_server(api.converse, path)
    async with server:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write("".join(line + "\n" for line in lines).encode())
        writer.write_eof()
        data = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        await writer.wait_closed()
    return [json.loads(line) for line in data.splitlines()]


def test_answers_in_order(tmp_path: Path) -> None:
    lines = [
        '{"token": "secret"}',
        '{"op": "echo", "word": "a"}',
        '{"op": "count"}',
        '{"op": "busy"}',
        '{"op": "x"}',
    ]
    first, *numbers, gone, unknown = asyncio.run(converse(tmp_path, *lines))
    assert first == {"ok": True, "said": "a"}
    assert [each["number"] for each in numbers] == [0, 1, 2]
    assert gone == {
        "ok": False,
        "class": "busy",
        "code": "engine.away",
        "message": "gone",
        "hint": "wait",
        "about": "us-east",
    }
    assert unknown["code"] == "control.unknown_op"


def test_no_token_no_answer(tmp_path: Path) -> None:
    for line in ('{"op": "echo"}', '{"token": "guess", "op": "echo"}', '{"token": 1}'):
        (answer,) = asyncio.run(converse(tmp_path, line, '{"op": "echo"}'))
        assert answer["code"] == "control.token"


def test_what_is_no_line_of_json_ends_it(tmp_path: Path) -> None:
    assert asyncio.run(converse(tmp_path, "GET / HTTP/1.1", '{"token": "secret"}')) == []
    assert asyncio.run(converse(tmp_path, "[]")) == []


async def take(count: int) -> list[object]:
    events = Events()
    events.tell("before")
    with events.listen() as listener:
        for number in range(count):
            events.tell("n", number=number)
        kept = min(count, BACKLOG_MAX)
        return [(await anext(listener))["number"] for _n in range(kept)]


def test_events_in_order_and_bounded() -> None:
    assert asyncio.run(take(3)) == [0, 1, 2]
    assert asyncio.run(take(BACKLOG_MAX + 5)) == list(range(5, BACKLOG_MAX + 5))
