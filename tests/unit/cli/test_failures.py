"""Failures of functions: joined from two logs, told once a kind, counted afterwards."""

from __future__ import annotations

import pytest

from skerry.cli.failures import JOIN_S, REPEAT_S, Failures, happened

TRACE = """Traceback (most recent call last):
  File "/shop/fn/app.py", line 6, in handler
    inner("x")
    ^^^^^^^^^^
  File "/shop/fn/app.py", line 3, in inner
    raise ValueError("bad thing")
ValueError: bad thing
and more of it
"""


def error(request_id: str, text: str = TRACE) -> dict[str, object]:
    return {"request_id": request_id, "function": "fn", "stream": "error", "text": text}


def access(request_id: str, reason: str = "function.raised") -> dict[str, object]:
    detail = "The edge function raised an error. Function 'fn', viewer-request (ValueError: bad)."
    return {"request_id": request_id, "path": "/", "reason": reason, "detail": detail}


def test_both_logs_make_one_line() -> None:
    failures = Failures("/shop", " --at shop")
    assert list(failures.hear(error("one"), 1.0)) == []
    assert list(failures.hear(access("one"), 1.5)) == [
        "function fn failed (function.raised): ValueError: bad thing (at fn/app.py:3)\n"
        "  skerry explain --at shop one"
    ]
    assert list(failures.due(100.0)) == []


def test_repeats_are_counted() -> None:
    failures = Failures("/shop")
    told: list[str] = []
    for number in range(5):
        told += failures.hear(error(f"id{number}"), 1.0)
        told += failures.hear(access(f"id{number}"), 1.0)
    assert len(told) == 1
    assert list(failures.due(1.0 + REPEAT_S - 0.1)) == []
    assert list(failures.due(1.0 + REPEAT_S)) == [
        "function fn failed (function.raised): 4 more, the last: ValueError: bad thing (at fn/app.py:3)\n"
        "  skerry explain id4"
    ]
    assert list(failures.due(1.0 + 2 * REPEAT_S)) == [], "nothing new, nothing said"
    assert list(failures.hear(access("id9", "function.timed_out"), 1.0)) != [], "another kind"


def test_a_new_version_is_counted_from_its_first_failure_on() -> None:
    failures = Failures("/shop")
    for number in range(3):
        list(failures.hear(access(f"id{number}"), 1.0))
    assert list(failures.renew(["other"])) == []
    (past,) = failures.renew(["fn"])
    assert ": 2 more before the edit, the last: " in past
    (first,) = failures.hear(access("new"), 2.0)
    assert " more" not in first
    assert first.endswith("skerry explain new")
    assert list(failures.due(100.0)) == []


def test_a_failure_without_a_code_is_told_when_its_time_is_up() -> None:
    failures = Failures("/shop")
    assert list(failures.hear(error("one", "no answer before the deadline"), 1.0)) == []
    assert list(failures.due(1.0 + JOIN_S - 0.1)) == []
    assert list(failures.due(1.0 + JOIN_S)) == [
        "function fn failed: no answer before the deadline\n  skerry explain one"
    ]
    assert list(failures.due(2.0 + JOIN_S)) == []


def test_a_failure_without_words_has_those_of_its_record() -> None:
    (line,) = Failures("/shop").hear(access("one", "function.throttled"), 1.0)
    assert line.startswith("function fn failed (function.throttled): The edge function")


@pytest.mark.parametrize(
    "record",
    [
        {"request_id": "a", "path": "/", "reason": "no-store"},
        {"request_id": "a", "path": "/", "reason": "function.strange"},
        {"request_id": "a", "stream": "stdout", "text": "hello"},
        {},
    ],
)
def test_anything_else_is_silent(record: dict[str, object]) -> None:
    failures = Failures("/shop")
    assert list(failures.hear(record, 1.0)) == []
    assert list(failures.due(99.0)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TRACE, "ValueError: bad thing (at fn/app.py:3)"),
        ("", "it left no words"),
        ("its process ended\n", "its process ended"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("Traceback (most recent call last):\nKeyError: 1\n", "KeyError: 1"),
        (
            'Traceback (most recent call last):\n  File "/else/x.py", line 1, in f\n    y\nE: z\n',
            "E: z",
        ),
    ],
)
def test_one_line_of_what_happened(text: str, words: str) -> None:
    assert happened(text, "/shop") == words
