from __future__ import annotations

from typing import cast

import pytest

from benchmarks import http
from benchmarks.load import Sample
from benchmarks.server import Server


class Named:
    """A server as far as `measure` looks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.truncated = 0

    def truncate_logs(self) -> None:
        self.truncated += 1


def named(name: str) -> Server:
    return cast(Server, Named(name))


@pytest.mark.parametrize(
    ("utilisations", "kept", "runs"),
    [
        ([0.97], 0.97, 1),
        ([0.5, 0.96], 0.96, 2),
        ([0.5, 0.7, 0.6], 0.7, 3),
    ],
)
def test_a_run_on_a_busy_machine_is_repeated_and_the_fullest_kept(
    utilisations: list[float], kept: float, runs: int
) -> None:
    left = iter(utilisations)
    server = named("nginx")
    sample = http.sample_busy(server, lambda _: Sample(1.0, next(left), 0, 0, 0))
    assert (sample.utilisation, cast(Named, server).truncated) == (kept, runs)


def test_rounds_are_interleaved_and_the_filling_pass_is_not_counted() -> None:
    asked: list[tuple[str, int]] = []

    def load(server: Server, number: int) -> Sample:
        asked.append((server.name, number))
        return Sample(float(number), 1.0, 0, 0, 0)

    row = http.measure("hit", [named("a"), named("skerry")], load, rounds=3)
    assert [name for name, _ in asked] == ["a", "skerry"] * 4
    assert [number for _, number in asked] == list(range(8))  # no URL of a miss is asked for twice
    assert (row.skerry, row.peers) == (5.0, {"a": 4.0})
