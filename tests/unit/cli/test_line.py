"""Records in a terminal: as wide as it is, a finding as a sentence, a traceback as it stood."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from skerry.cli.line import told
from tests.support.node import environment
from tests.support.terminal import terminal

TEN = 1_767_348_000_000  # 2026-01-02T10:00:00Z
ID = "A3xVjU3M7o3BeRUvFZ1gh73s5NfWjGA2nIJmA4lLyDWLnVHTOXSuWF=="
REQUEST = {
    "time_ms": TEN,
    "pop": "us-east",
    "request_id": ID,
    "method": "GET",
    "host": "127.0.0.1:8080",
    "path": "/fn/price",
    "status": 503,
    "result": "Error",
    "reason": "function.raised",
    "time_us": 8400,
}
SAID = {"time_ms": TEN, "pop": "us-east", "function": "price", "request_id": ID}
TRACEBACK = """Traceback (most recent call last):
  File "/work-shop/lambda/price.py", line 2, in handler
    return {}['a colour that nobody has ever seen, nor will, however long the list of colours grows']
           ~~^^^^
KeyError: 'colour'
"""
FINDING = {
    "code": "function.header_disallowed",
    "level": "warning",
    "message": "the header connection may not be set by a function (at viewer-request)",
    "hint": "Choose another name; `X-Edge-*` and `X-Amz-Cf-*` belong to the CDN.",
}


def plain(record: dict[str, object], width: int = 80) -> list[str]:
    return told(record, width, "/work-shop", lambda text, _colour: text).split("\n")


def test_a_request_is_one_line() -> None:
    assert plain(REQUEST) == [
        "10:00:00  us-east    GET /fn/price  503 function.raised  8.4 ms  A3xVjU3M7o3B"
    ]
    miss = REQUEST | {"status": 200, "result": "Miss", "reason": "no-store", "query": "a=1"}
    assert "GET /fn/price?a=1  200 Miss (no-store)  8.4 ms" in plain(miss, 120)[0]
    assert "GET www.example.com/fn/price  " in plain(REQUEST | {"host": "www.example.com"}, 120)[0]
    assert "GET /fn/price  " in plain(REQUEST | {"host": "us-east.skerry.localhost:1"}, 120)[0]


def test_a_long_address_keeps_both_ends() -> None:
    long = REQUEST | {"path": "/catalogue" + "/deeper" * 30, "query": "utm_medium=email"}
    first, second = plain(long)
    assert len(first) == 80
    assert "GET /catalogue/deeper" in first
    assert first.endswith("=email")
    assert second == "    503 function.raised  8.4 ms  A3xVjU3M7o3B"
    (only,) = plain(long, 120)
    assert len(only) == 120


def test_an_address_cannot_speak_to_the_terminal() -> None:
    assert "/\\x1b[2J" in plain(REQUEST | {"path": "/%1b[2J"})[0]
    assert "\\x1b[2J" in plain(SAID | {"stream": "stdout", "text": "\x1b[2J"})[0]


def test_a_finding_is_a_sentence_with_its_hint() -> None:
    assert plain(SAID | {"stream": "finding", "text": json.dumps(FINDING)}) == [
        "10:00:00  us-east    price  warning  the header connection may not be set by a",
        "    function (at viewer-request) (function.header_disallowed)  A3xVjU3M7o3B",
        "    hint: Choose another name; `X-Edge-*` and `X-Amz-Cf-*` belong to the CDN.",
    ]
    assert plain(SAID | {"stream": "finding", "text": "odd"})[0].endswith(
        "finding  odd  A3xVjU3M7o3B"
    )


def test_a_traceback_keeps_its_lines() -> None:
    lines = plain(SAID | {"stream": "error", "text": TRACEBACK}, 100)
    assert lines[0] == (
        "10:00:00  us-east    price  error  KeyError: 'colour' (at lambda/price.py:2)  A3xVjU3M7o3B"
    )
    assert lines[1:4] == [
        "    Traceback (most recent call last):",
        '      File "lambda/price.py", line 2, in handler',
        "        return {}['a colour that nobody has ever seen, nor will, however long the list of colours grows']",
    ]
    assert lines[-1] == "    KeyError: 'colour'"


def test_what_a_function_prints_keeps_its_lines() -> None:
    said = plain(SAID | {"stream": "stdout", "text": "one\n\n\ttwo\n", "dropped_bytes": 9})
    assert said == [
        "10:00:00  us-east    price  stdout  one  A3xVjU3M7o3B",
        "",
        "        two",
        "    … 9 bytes more",
    ]


def test_what_is_wrong_is_coloured() -> None:
    def mark(text: str, colour: str) -> str:
        return f"<{colour} {text}>"

    assert told(REQUEST, 99, "/", mark) == (
        "<dim 10:00:00>  us-east    GET /fn/price  <red 503> function.raised  8.4 ms  <dim A3xVjU3M7o3B>"
    )
    finding = SAID | {"stream": "finding", "text": json.dumps(FINDING)}
    assert "  <yellow warning>  " in told(finding, 99, "/", mark)


@pytest.mark.parametrize("columns", [80, 120])
def test_in_a_terminal_nothing_is_wider_than_it(tmp_path: Path, columns: int) -> None:
    folder = tmp_path / ".skerry" / "log"
    folder.mkdir(parents=True)
    (folder / "us-east.log").write_text(json.dumps(REQUEST) + "\n")
    finding = SAID | {"stream": "finding", "text": json.dumps(FINDING)}
    (folder / "functions.log").write_text(json.dumps(finding) + "\n")
    words = [sys.executable, "-m", "skerry.cli.main", "logs"]
    with terminal(words, tmp_path, environment() | {"NO_COLOR": "1"}, columns=columns) as shown:
        lines = shown.end().splitlines()
    assert max(map(len, lines)) <= columns
    assert f"10:00:00  us-east    GET /fn/price  503 function.raised  8.4 ms  {ID[:12]}" in lines
    assert "    hint: Choose another name; `X-Edge-*` and `X-Amz-Cf-*` belong to the CDN." in lines
    assert ID not in "".join(lines)
