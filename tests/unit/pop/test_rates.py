"""Rates out of counters."""

from __future__ import annotations

from skerry.pop.rates import WINDOW, Rates


def test_rates_over_the_window_and_across_a_restart() -> None:
    now = [0.0]
    rates = Rates(lambda: now[0])
    assert rates.per_second("a", "requests") == 0.0
    for second in range(WINDOW + 5):
        now[0] = float(second)
        rates.add("a", {"requests": second * 10})
    assert rates.per_second("a", "requests") == 10.0
    now[0] += 1
    rates.add("a", {"requests": 3})
    assert rates.per_second("a", "requests") == 0.0, "a new process counts from nothing"
    now[0] += 1
    rates.add("a", {"requests": 8})
    assert rates.per_second("a", "requests") == 5.0
    assert rates.per_second("b", "requests") == 0.0
