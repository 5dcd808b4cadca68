"""A record of the logs for a person at a terminal: what matters in the width there is. Pure.

    02:49:25  us-east    GET /fn/price  503 function.raised  8.4 ms  A3xVjU3M7o3B
    02:49:25  us-east    price  error  KeyError: 'colour' (at lambda/price.py:2)  A3xVjU3M7o3B
        Traceback (most recent call last):
        …

Whole and stable are `skerry.pop.records.tell`, which is what a pipe gets, and `--json`.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

from skerry.cli.explain import SHORT_ID
from skerry.cli.failures import happened
from skerry.pop.records import harmless, time_ms

HANG = 4
ADDRESS_MIN = 16
OWN_HOSTS = re.compile(r"(localhost|.*\.skerry\.localhost|[\d.]+|\[.*\])(:\d+)?")
COLOURS = {"error": "red", "warning": "yellow"}

Record = Mapping[str, object]
Paint = Callable[[str, str], str]


def told(record: Record, width: int, root: str, paint: Paint) -> str:
    """Its lines. width: columns. root: the project's folder, so that places are told as they are written there."""
    clock = datetime.fromtimestamp(time_ms(record) / 1000, UTC).strftime("%H:%M:%S")
    pop = f"{record.get('pop') or '-':<9}"
    request_id = str(record.get("request_id", ""))[:SHORT_ID]
    if "text" in record:
        lines = of_function(record, f"{clock}  {pop}  ", request_id, width, root)
    else:
        lines = of_request(record, f"{clock}  {pop}  ", request_id, width)
    return "\n".join(coloured(list(lines), clock, request_id, level_of(record), paint))


def of_request(record: Record, head: str, request_id: str, width: int) -> Iterator[str]:
    """One line, or two where the end does not fit behind the address."""
    taken_ms = float(str(record.get("time_us") or 0)) / 1000
    end = f"{record.get('status', '-')} {outcome(record)}  {taken_ms:.1f} ms  {request_id}"
    head += harmless(f"{record.get('method', '-')} ")
    where = address(record)
    room = width - len(head) - len(end) - 2
    if room >= min(ADDRESS_MIN, len(where)):
        yield f"{head}{shortened(where, room)}  {end}"
        return
    yield head + shortened(where, max(ADDRESS_MIN, width - len(head)))
    yield " " * HANG + end


def outcome(record: Record) -> str:
    """`Miss (no-store)`; that it was an error is said by its code."""
    result, reason = str(record.get("result", "-")), record.get("reason")
    if not reason:
        return result
    return str(reason) if result == "Error" else f"{result} ({reason})"


def address(record: Record) -> str:
    """Path and query; before them the host, where it is one of the project's and not one that is always ours."""
    host = str(record.get("host", ""))
    shown = "" if OWN_HOSTS.fullmatch(host) else host
    query = f"?{record['query']}" if record.get("query") else ""
    return harmless(f"{shown}{unquote(str(record.get('path', '-')))}{query}")


def shortened(text: str, room: int) -> str:
    """Both ends of it; the middle tells least."""
    if len(text) <= room:
        return text
    front = (room - 1) * 2 // 3
    return f"{text[:front]}…{text[len(text) - (room - 1 - front) :]}"


def of_function(record: Record, head: str, request_id: str, width: int, root: str) -> Iterator[str]:
    """The sentence in the first line; under it what belongs to it, each line of it a line."""
    sentence, *more = said(record, root)
    head += f"{record.get('function', '-')}  {level_of(record)}  "
    lines = textwrap.wrap(
        f"{sentence}  {request_id}".strip(),
        max(width, len(head) + ADDRESS_MIN),
        initial_indent=" " * len(head),
        subsequent_indent=" " * HANG,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    yield head + lines[0][len(head) :]
    yield from lines[1:]
    for line in more:
        yield from wrapped(line, width)


def wrapped(line: str, width: int) -> list[str]:
    """A line under another one. Code of a traceback keeps its shape, prose is wrapped."""
    if line.startswith(" ") or len(line) <= width - HANG:
        return [(" " * HANG + line).rstrip()]
    indent = " " * HANG
    return textwrap.wrap(
        line,
        max(width, ADDRESS_MIN),
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
    )


def said(record: Record, root: str) -> list[str]:
    """What a function said, failed of, or did wrong: a sentence and what explains it."""
    text = str(record["text"]).rstrip("\n")
    if record.get("stream") == "finding" and (found := finding(text)):
        hint = [f"hint: {harmless(str(found['hint']))}"] if found.get("hint") else []
        return [harmless(f"{found['message']} ({found['code']})"), *hint]
    lines = [harmless(line.expandtabs(4)).rstrip() for line in text.split("\n")]
    if dropped := record.get("dropped_bytes"):
        lines.append(f"… {dropped} bytes more")
    if lines[0].startswith("Traceback"):
        own = [line.replace(f'File "{root}/', 'File "') for line in lines]
        return [happened(text, root), *own]
    return lines


def finding(text: str) -> dict[str, object] | None:
    """As an engine writes it; None for anything else."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and {"code", "message"} <= found.keys() else None


def level_of(record: Record) -> str:
    """A finding's own level; else the stream; of a request nothing, or that it failed."""
    stream = str(record.get("stream", ""))
    if stream == "finding":
        found = finding(str(record.get("text", ""))) or {}
        return str(found.get("level", stream))
    if not stream and str(record.get("status", "")).startswith("5"):
        return "error"
    return stream


def coloured(
    lines: list[str], clock: str, request_id: str, level: str, paint: Paint
) -> Iterator[str]:
    """Time and id aside, what is wrong in its colour."""
    for number, line in enumerate(lines):
        shown = line
        if request_id and line.endswith(request_id):
            shown = line.removesuffix(request_id) + paint(request_id, "dim")
        if number == 0:
            shown = paint(clock, "dim") + shown.removeprefix(clock)
            if level in COLOURS:
                shown = re.sub(
                    rf"  ({level}|5\d\d)(?= )",
                    lambda m: f"  {paint(m[1], COLOURS[level])}",
                    shown,
                    count=1,
                )
        yield shown
