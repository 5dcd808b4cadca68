"""Waits between restarts."""

from __future__ import annotations

import pytest

from skerry.node.backoff import LONGEST_S, failures_after, wait_s


@pytest.mark.parametrize(
    ("failures", "wait"),
    [(1, 0.0), (2, 0.05), (3, 0.1), (4, 0.2), (9, LONGEST_S), (500, LONGEST_S)],
)
def test_waits(failures: int, wait: float) -> None:
    assert wait_s(failures) == pytest.approx(wait)


def test_a_part_that_ran_steadily_starts_from_one() -> None:
    assert failures_after(7, 0.2) == 8
    assert failures_after(7, 60.0) == 1
