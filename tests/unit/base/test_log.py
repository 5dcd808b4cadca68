"""The log: one line an event, whoever wrote the words."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest

from skerry.base import log


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Where the log goes; afterwards it goes nowhere."""
    stream = io.StringIO()
    log.configure(stream=stream)
    yield stream
    log.configure(stream=io.StringIO())


def test_text(out: io.StringIO) -> None:
    log.Log("control").warning("engine does not answer", pop="us-east", why="timed out")
    line = out.getvalue()
    assert line.endswith(' control  warning  engine does not answer  pop=us-east why="timed out"\n')
    assert line[2] == line[5] == ":"


def test_debug_is_for_verbose(out: io.StringIO) -> None:
    log.Log("x").debug("hidden")
    assert out.getvalue() == ""
    log.configure(verbose=True, stream=out)
    log.Log("x").debug("shown")
    assert "debug  shown" in out.getvalue()


def test_json(out: io.StringIO) -> None:
    log.configure(as_json=True, stream=out)
    log.Log("engine us-east").error("gave up", after_s=2, what=ValueError("x"))
    entry = json.loads(out.getvalue())
    assert entry.pop("at_s") > 0
    assert entry == {
        "part": "engine us-east",
        "level": "error",
        "event": "gave up",
        "after_s": 2,
        "what": "x",
    }


def test_nobody_writes_two_lines(out: io.StringIO) -> None:
    log.Log("x").info("a\nb", header="c\r\nd")
    assert out.getvalue().count("\n") == 1
    assert "a\\nb" in out.getvalue()
    assert '"c\\r\\nd"' in out.getvalue()


@pytest.mark.parametrize(
    ("value", "shown"),
    [("a", "a"), ("", '""'), ("a b", '"a b"'), (3, "3"), ("a=b", '"a=b"'), ('"', '"\\""')],
)
def test_quoted(value: object, shown: str) -> None:
    assert log.quoted(value) == shown
