"""Sizes and durations, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.base import units


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("17", 17),
        ("512 MB", 512_000_000),
        ("1MiB", 1_048_576),
        ("1.5 kB", 1500),
        (" 2 gib ", 2 * 2**30),
    ],
)
def test_parse_bytes(text: str, count: int) -> None:
    assert units.parse_bytes(text) == count


@pytest.mark.parametrize("text", ["", "MB", "-1", "1 XB", "1 2", "1e3"])
def test_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        units.parse_bytes(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("1m30s", 90), ("2h", 7200), ("7d", 604800), ("1.5h", 5400)],
)
def test_parse_duration(text: str, seconds: float) -> None:
    assert units.parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1s later", "1x"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        units.parse_duration_s(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1_234_567, "1.23 MB"), (12_345_678, "12.3 MB"),
     (999_999, "1 MB"), (2_000_000_000, "2 GB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_format_bytes(count: int, text: str) -> None:
    assert units.format_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.00042, "0.42 ms"),
        (0.25, "250 ms"),
        (1.5, "1.5 s"),
        (75, "1m15s"),
        (7200, "2h"),
        (90061, "1d1h1m1s"),
    ],
)
def test_format_duration(seconds: float, text: str) -> None:
    assert units.format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**15))
def test_a_written_size_reads_as_nearly_the_same(count: int) -> None:
    assert units.parse_bytes(units.format_bytes(count)) == pytest.approx(count, rel=0.006)


@given(st.integers(min_value=60, max_value=10**7))
def test_a_written_duration_reads_as_the_same(seconds: int) -> None:
    assert units.parse_duration_s(units.format_duration(seconds)) == seconds
