from __future__ import annotations

import time

import pytest

from skerry.functions.guest.context import Context


def test_memory_is_a_string_and_the_edge_has_no_identity() -> None:
    context = Context({"memory_mb": 128, "request_id": "r"}, "group", "stream")
    assert context.memory_limit_in_mb == "128"
    assert (context.client_context, context.identity, context.tenant_id) == (None, None, None)
    assert "aws_request_id='r'" in repr(context)


@pytest.mark.parametrize(("left_ms", "low", "high"), [(5000, 4000, 5000), (-5000, 0, 0)])
def test_remaining_time(left_ms: int, low: int, high: int) -> None:
    context = Context({"deadline_ms": int(time.time() * 1000) + left_ms}, "", "")
    assert low <= context.get_remaining_time_in_millis() <= high


def test_without_a_deadline_there_is_an_hour() -> None:
    assert Context({}, "", "").get_remaining_time_in_millis() == 3_600_000
