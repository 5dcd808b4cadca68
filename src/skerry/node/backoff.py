"""How long to wait before a part that died is started again. Pure."""

from __future__ import annotations

FIRST_S = 0.05
LONGEST_S = 5.0
STEADY_S = 10.0


def failures_after(failures: int, lived_s: float) -> int:
    """Count of deaths in a row, after one more. A part that had run steadily starts from one."""
    return 1 if lived_s >= STEADY_S else failures + 1


def wait_s(failures: int) -> float:
    """Nothing before the first restart (a killed part is back at once), then 50 ms doubling to 5 s."""
    if failures <= 1:
        return 0.0
    return min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 2, 10))
