from __future__ import annotations

import pytest

from benchmarks import load

SAID = """
finished in 2.00s, 80297.00 req/s, 91.36MB/s
requests: 160594 total, 160914 started, 160594 done, 160594 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 160595 2xx, 0 3xx, 0 4xx, 0 5xx
                     min         max         mean         sd        +/- sd
time for request:      156us     14.73ms      3.77ms      2.58ms    78.88%
"""


@pytest.mark.parametrize(
    ("text", "us"), [("500us", 500.0), ("1.5ms", 1500.0), ("2s", 2e6), ("3", 3.0)]
)
def test_h2loads_times(text: str, us: float) -> None:
    assert load._microseconds(text) == us


def test_a_status_whose_body_was_cut_by_the_end_is_no_fault() -> None:
    assert load.read_h2load("nginx", SAID) == (160594.0, 3770.0)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("0 failed", "2 failed"),
        ("0 errored", "2 errored"),
        ("0 timeout", "2 timeout"),
        ("0 3xx", "2 3xx"),
        ("0 5xx", "2 5xx"),
    ],
)
def test_a_bad_answer_ends_the_benchmark(good: str, bad: str) -> None:
    with pytest.raises(SystemExit, match="nginx: 2 answers were bad"):
        load.read_h2load("nginx", SAID.replace(good, bad))


@pytest.mark.parametrize("said", ["", SAID.replace("160594 done", "0 done")])
def test_nothing_done_is_a_fault_too(said: str) -> None:
    with pytest.raises(SystemExit, match="no request was done"):
        load.read_h2load("nginx", said)
