"""JSON of what a handler returned: orjson where it agrees with AWS's runtime, the slow way where not.

AWS's runtime encodes with simplejson: Decimal becomes a number, NaN is written, keys become strings,
named tuples become objects; dates and data classes are refused.
"""

from __future__ import annotations

import decimal
import inspect
import json
from typing import Any

import orjson

from .frames import PAYLOAD_BYTES_MAX  # noqa: TID252 - a guest names no skerry

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


class EncodeError(Exception):
    """The value cannot be a result. `kind` is the error type to report."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def encode_result(value: Any) -> bytes:  # Any: a handler returns what it likes
    """JSON bytes of a handler's result. Raises EncodeError, whatever the value is."""
    try:
        text = orjson.dumps(value, option=_OPTIONS)
        # orjson writes null for NaN and infinity; None is rare enough in results to look twice.
        if b"null" in text and _has_odd_float(value):
            text = _encode_slowly(value)
    except TypeError:  # orjson's JSONEncodeError is one
        text = _encode_slowly(value)
    if len(text) > PAYLOAD_BYTES_MAX:
        raise EncodeError(
            "Function.ResponseSizeTooLarge",
            f"the result is {len(text)} bytes of JSON, {PAYLOAD_BYTES_MAX} are the most",
        )
    return text


def _encode_slowly(value: Any) -> bytes:
    refusal = _refuse_by_name(value)
    if refusal:
        raise EncodeError("Runtime.MarshalError", refusal)
    try:
        return json.dumps(_plain(value), default=_default, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise EncodeError("Runtime.MarshalError", f"the result cannot be JSON: {error}") from None


def _refuse_by_name(value: Any) -> str:
    if inspect.iscoroutine(value) or inspect.isawaitable(value):
        if inspect.iscoroutine(value):
            value.close()  # else Python warns of it later, out of any call
        return (
            "the handler is `async def` and returned a coroutine, which AWS's Python runtime does not await; "
            "make it `def` and call asyncio.run(...) inside"
        )
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        return (
            "the handler uses `yield` and returned a generator; return the finished object instead"
        )
    return ""


def _plain(value: Any) -> Any:
    """Named tuples as objects, as simplejson writes them; all else as it is."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {k: _plain(v) for k, v in value._asdict().items()}
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value


def _default(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        whole = value.is_finite() and value == value.to_integral_value()
        return int(value) if whole else float(value)
    raise TypeError(f"object of type {type(value).__name__} is not JSON serializable")


def _has_odd_float(value: Any) -> bool:
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    if isinstance(value, dict):
        return any(map(_has_odd_float, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_odd_float, value))
    return False
