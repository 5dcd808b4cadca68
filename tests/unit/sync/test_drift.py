"""The hub judges clocks, unless its own is behind what it has accepted; a node learns the time from it."""

from __future__ import annotations

import pytest

from skerry.base import tables
from skerry.sync.clock import MS_MAX, ZERO, Stamp, at_ms, stamp_of
from skerry.sync.drift import DRIFT_MS_MAX, HubTime, Timeline, Verdict, judge, learn

NODE = b"nodeAAAA"
NOW_MS = 1_764_000_000_000


def at(ms: int, node: bytes = NODE) -> Stamp:
    return stamp_of(ms << 16, node)


def hub(now_ms: int = NOW_MS, heard_ms: int = NOW_MS, floor: Stamp = ZERO) -> HubTime:
    return HubTime(now_ms, heard_ms << 16, floor)


@pytest.mark.parametrize(
    ("stamps", "verdict"),
    [
        ([at(NOW_MS - 5), at(NOW_MS)], Verdict.GOOD),
        ([at(7)], Verdict.GOOD),  # made long ago, sent today: what a cut link looks like
        ([at(NOW_MS + DRIFT_MS_MAX)], Verdict.GOOD),
        ([at(NOW_MS), at(NOW_MS + DRIFT_MS_MAX + 1)], Verdict.CLOCK_AHEAD),
        ([at(5), at(5)], Verdict.DISORDER),
        ([at(6), at(5)], Verdict.DISORDER),
        ([at(2), at(3)], Verdict.DISORDER),  # not above the one before
        ([at(9, b"somebody")], Verdict.DISORDER),
    ],
)
def test_verdicts(stamps: list[Stamp], verdict: Verdict) -> None:
    assert judge(stamps, NODE, at(2), hub()) is verdict


def test_what_is_older_than_forgotten_deletions_is_stale() -> None:
    floor = at_ms(100)
    assert judge([at(99), at(101)], NODE, ZERO, hub(floor=floor)) is Verdict.STALE
    assert judge([at(100)], NODE, ZERO, hub(floor=floor)) is Verdict.GOOD


def test_a_hub_that_is_behind_its_own_stamps_judges_nobody_and_tells_no_time() -> None:
    woken = hub(now_ms=1_000)  # in 1970
    assert judge([at(NOW_MS)], NODE, ZERO, woken) is Verdict.GOOD
    assert woken.told_ms is None
    # but nobody may bring all clocks to their end
    assert judge([at(MS_MAX + 1)], NODE, ZERO, woken) is Verdict.CLOCK_AHEAD
    assert hub().told_ms == NOW_MS
    # its clock was years ahead when it raised the floor, and has been corrected
    assert judge([at(NOW_MS * 2)], NODE, ZERO, hub(floor=at_ms(NOW_MS * 2 - 1))) is Verdict.GOOD
    # a node that may run ahead by as much as is allowed does not take its judgement away
    assert hub(heard_ms=NOW_MS + DRIFT_MS_MAX).trusted


def test_time_is_counted_from_the_boot_once_it_is_known() -> None:
    timeline = learn(b"boot", asked_boot_ms=1_000, answered_boot_ms=1_200, hub_ms=NOW_MS)
    assert timeline == Timeline(b"boot", NOW_MS - 1_100)
    assert timeline.now_ms(1_100) == NOW_MS
    assert timeline.now_ms(61_100) == NOW_MS + 60_000


def test_the_table_has_the_same_words() -> None:
    assert set(tables.load("sync")["verdict"]) == set(Verdict)
