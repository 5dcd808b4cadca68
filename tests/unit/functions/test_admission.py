from __future__ import annotations

import os
from pathlib import Path

import pytest

from skerry.functions.admission import (
    PROMISED_TIMES,
    RESERVE_MB,
    SHARE,
    WORKERS_MAX,
    Census,
    Memory,
    read_memory,
    refuse,
    started_at,
)

PLENTY = Memory(8000, 4000)


@pytest.mark.parametrize(
    ("memory", "wanted_mb", "promised_mb", "workers", "says"),
    [
        (PLENTY, 128, 0, 0, ""),
        (PLENTY, 128, 128 * 200, 200, ""),  # far more workers than cores
        (PLENTY, 128, 0, WORKERS_MAX, f"{WORKERS_MAX} workers are running"),
        (Memory(8000, RESERVE_MB + 128), 128, 0, 0, ""),
        (Memory(8000, RESERVE_MB + 127), 128, 0, 0, "383 MB of memory are available"),
        (PLENTY, 128, 8000 * PROMISED_TIMES - 128, 9, ""),
        (PLENTY, 128, 8000 * PROMISED_TIMES - 127, 9, "9 workers may use"),
    ],
)
def test_refuse(memory: Memory, wanted_mb: int, promised_mb: int, workers: int, says: str) -> None:
    refusal = refuse(memory, wanted_mb, promised_mb, workers)
    assert refusal.startswith(says)
    assert bool(refusal) == bool(says)


MOST_MB = 8000 * PROMISED_TIMES // SHARE


@pytest.mark.parametrize(
    ("own", "is_refused"),
    [
        ((MOST_MB - 128, 9), False),
        ((MOST_MB - 127, 9), True),
        ((0, WORKERS_MAX // SHARE - 1), False),
        ((0, WORKERS_MAX // SHARE), True),
    ],
)
def test_one_function_leaves_room_for_the_others(own: tuple[int, int], is_refused: bool) -> None:
    refusal = refuse(PLENTY, 128, *own, own)
    assert refusal.startswith(f"{own[1]} workers of {own[0]} MB together are" if is_refused else "")
    assert bool(refusal) == is_refused
    assert not refuse(PLENTY, 128, *own), "another function still has room"


def test_a_small_machine_has_room_for_one_large_worker() -> None:
    assert refuse(Memory(1000, 4000), 3000, 0, 0) == ""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "meminfo").write_text(
        "MemTotal:  8192000 kB\nMemFree: 1 kB\nMemAvailable: 4096000 kB\n"
    )
    (tmp_path / "memory").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, Memory(8000, 4000)),
        ({"memory.max": "max\n", "memory.current": "5\n"}, Memory(8000, 4000)),
        ({"memory.max": f"{512 << 20}\n", "memory.current": f"{112 << 20}\n"}, Memory(512, 400)),
        (
            {
                "memory/memory.limit_in_bytes": "9223372036854771712",
                "memory/memory.usage_in_bytes": "1",
            },
            Memory(8000, 4000),
        ),
        (
            {"memory/memory.limit_in_bytes": f"{256 << 20}", "memory/memory.usage_in_bytes": "0"},
            Memory(256, 256),
        ),
    ],
)
def test_the_tighter_of_machine_and_group_counts(
    machine: Path, files: dict[str, str], expected: Memory
) -> None:
    for name, text in files.items():
        (machine / name).write_text(text)
    assert read_memory(machine, machine) == expected


def test_this_machine_has_memory() -> None:
    memory = read_memory()
    assert 0 < memory.available_mb <= memory.total_mb


def test_started_at_reads_names_with_parentheses(tmp_path: Path) -> None:
    fields = ["S", *("0" for _ in range(18)), "777", "0"]
    (tmp_path / "5").mkdir()
    (tmp_path / "5" / "stat").write_text(f"5 (a ) b) {' '.join(fields)}")
    assert started_at(5, tmp_path) == 777
    (tmp_path / "5" / "stat").write_text(f"5 (x) Z {' '.join(fields[1:])}")
    assert started_at(5, tmp_path) == 0  # a zombie uses no memory
    assert started_at(6, tmp_path) == 0


def test_census_forgets_the_dead_before_it_refuses() -> None:
    census = Census()
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitid(os.P_PID, gone, os.WEXITED | os.WNOWAIT)
    census.add(os.getpid(), 100, "a")
    census.add(gone, 1_000_000, "b")
    assert census.sums() == (1_000_100, 2)
    assert census.sums("b") == (1_000_000, 1)
    assert census.refuse(PLENTY, 128, "b") == ""
    assert census.sums() == (100, 1)
    os.waitpid(gone, 0)
