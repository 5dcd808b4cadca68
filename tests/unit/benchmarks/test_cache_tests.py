from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import cache_tests
from benchmarks.cache_tests import Outcomes

EXPECTED = {"fresh": "pass", "vary": "pass", "age": "fail", "range": "yes", "old": "pass"}
NOW: Outcomes = {
    "fresh": ("required", "pass"),
    "vary": ("required", "dependency-failed"),
    "age": ("optimal", "pass"),
    "range": ("check", "no"),
}


def test_lost_and_gained_are_told_apart() -> None:
    assert cache_tests.lost(EXPECTED, NOW) == {
        "vary": "dependency-failed",
        "range": "no",
        "old": "gone",
    }
    assert cache_tests.gained(EXPECTED, NOW) == ["age"]
    assert [cache_tests.count(NOW, kind) for kind in ("required", "optimal", "check")] == [1, 1, 0]


def test_a_test_is_lost_when_it_fails_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cache_tests, "EXPECTED", tmp_path)
    good: Outcomes = {"a": ("required", "pass"), "b": ("required", "pass")}
    bad: Outcomes = {"a": ("required", "fail"), "b": ("required", "pass")}
    other: Outcomes = {"a": ("required", "pass"), "b": ("required", "fail")}
    assert cache_tests.judge("rfc9111", iter([good]).__next__) == (good, True)
    cache_tests.accept("rfc9111", good)
    assert cache_tests.read_expected("rfc9111") == {"a": "pass", "b": "pass"}
    assert cache_tests.judge("rfc9111", iter([bad, good]).__next__)[1]
    assert cache_tests.judge("rfc9111", iter([bad, other]).__next__)[1]
    capsys.readouterr()
    assert not cache_tests.judge("rfc9111", iter([bad, bad]).__next__)[1]
    assert "LOST a: fail" in capsys.readouterr().out


def test_rows_count_each_profile_beside_nginx() -> None:
    nginx: Outcomes = {
        "a": ("required", "pass"),
        "b": ("required", "fail"),
        "c": ("optimal", "pass"),
    }
    rows = cache_tests.rows({"rfc9111": nginx, "cloudfront": nginx}, nginx)
    assert [(row.metric.split()[-1], row.skerry, row.unit, row.holds) for row in rows] == [
        ("rfc9111", 1.0, "of 2", False),
        ("rfc9111", 1.0, "of 1", None),
        ("cloudfront", 1.0, "of 2", None),
        ("cloudfront", 1.0, "of 1", None),
    ]
