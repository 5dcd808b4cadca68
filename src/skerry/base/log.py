"""The log of Skerry's own processes: one line an event, words first, then `key=value`.

    12:30:05.120 control  warning  engine does not answer  pop=us-east waited_s=2

or, with `json=True`, one JSON object a line. It goes to stderr. Access records and the output of
functions are no log: they have files of their own.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, TextIO

ROOT = "skerry"


class Log:
    """Events of one part of the house (`control`, `engine us-east`)."""

    def __init__(self, part: str) -> None:
        self._logger = logging.getLogger(f"{ROOT}.{part}")

    # Any in all four: a field may be whatever a person wants to see; it is shown by str
    def debug(self, event: str, **fields: Any) -> None:
        """For whoever looks for a fault with -v."""
        self._say(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Something happened that an operator may want to know later."""
        self._say(logging.INFO, event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """It goes on, but not as wished."""
        self._say(logging.WARNING, event, fields)

    def error(self, event: str, **fields: Any) -> None:
        """Something was given up."""
        self._say(logging.ERROR, event, fields)

    def _say(self, level: int, event: str, fields: dict[str, Any]) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, extra={"fields": fields})


class Text(logging.Formatter):
    """Lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a value with a space in it is quoted."""
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        part = record.name.removeprefix(f"{ROOT}.")
        fields = getattr(record, "fields", {})
        pairs = " ".join(f"{key}={quoted(value)}" for key, value in fields.items())
        head = f"{at}.{int(record.msecs):03d} {part}  {record.levelname.lower()}  {one_line(record.getMessage())}"
        return f"{head}  {pairs}" if pairs else head


class Json(logging.Formatter):
    """Lines for programs: `at_s`, `part`, `level`, `event`, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object; what JSON cannot hold is shown by str."""
        entry = {
            "at_s": round(record.created, 3),
            "part": record.name.removeprefix(f"{ROOT}."),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        return json.dumps(entry | getattr(record, "fields", {}), default=str, ensure_ascii=False)


def configure(
    *, verbose: bool = False, as_json: bool = False, stream: TextIO | None = None
) -> None:
    """Say where this process's log goes; call it once, in the process's own main."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Json() if as_json else Text())
    logger = logging.getLogger(ROOT)
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(logging.DEBUG if verbose else logging.INFO)


def quoted(value: object) -> str:
    """As `key=value` shows it: quoted as JSON where it would not read as one word."""
    text = str(value)
    plain = text and text.isprintable() and not any(mark in text for mark in ' "=')
    return text if plain else json.dumps(text, ensure_ascii=False)


def one_line(text: str) -> str:
    """Nobody writes two lines into a log, least of all a stranger's header."""
    return text if text.isprintable() else json.dumps(text, ensure_ascii=False)[1:-1]
