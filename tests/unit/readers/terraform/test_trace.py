"""What has a part in a value is known however often the value is asked for."""

from __future__ import annotations

import pytest

from skerry.readers.terraform.trace import PLAIN, SENSITIVE, VARIABLE, Trace


def test_a_part_counts_for_what_is_around_it_and_for_nothing_else() -> None:
    trace = Trace()
    with trace.part():
        with trace.part():
            trace.touch(SENSITIVE)
        assert trace.level == SENSITIVE
        assert trace.instead == "(not shown)"
    with trace.part():
        assert trace.level == PLAIN
        assert trace.instead is None


def test_a_part_can_count_for_less() -> None:
    trace = Trace()
    with trace.part():
        with trace.part(VARIABLE):
            trace.touch(SENSITIVE)
        assert trace.level == VARIABLE


def test_a_kept_value_keeps_its_level() -> None:
    trace = Trace()
    values: dict[str, object] = {}

    def compute() -> object:
        trace.touch(VARIABLE)
        return 1

    for _ in range(2):
        with trace.part():
            assert trace.kept(values, "a", compute) == 1
            assert trace.level == VARIABLE
        with trace.part():
            assert trace.kept(values, "b", lambda: 2) == 2
            assert trace.level == PLAIN


def test_what_fails_counts_too() -> None:
    trace = Trace()

    def compute() -> object:
        trace.touch(VARIABLE)
        raise ValueError("broken")

    with trace.part():
        with pytest.raises(ValueError, match="broken"):
            trace.kept({}, "a", compute)
        assert trace.level == VARIABLE


def test_where_all_is_a_variable() -> None:
    assert Trace(VARIABLE).instead == "(not shown)"
