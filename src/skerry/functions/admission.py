"""Whether there is room for one more worker: by memory, since a waiting worker needs no core."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Kept free for everything else on the machine, so that a burst of calls does not wake the OOM killer.
RESERVE_MB = 256
# A worker of 128 MB touches 2 to 10 of them, measured; all of them growing at once is what `available`
# is for, and this bound is for the burst that it does not show yet.
PROMISED_TIMES = 4
# Each worker takes two descriptors in init and five in its engine.
WORKERS_MAX = 2000
# Of one function: half of all that is promised, so that a flood on one leaves room for the others.
SHARE = 2


@dataclass(frozen=True)
class Memory:
    """Of the machine, or of the control group that holds us where that is tighter. MB."""

    total_mb: int
    available_mb: int


def refuse(
    memory: Memory, wanted_mb: int, promised_mb: int, workers: int, own: tuple[int, int] = (0, 0)
) -> str:
    """Why one more worker of `wanted_mb` is too many; empty: it is not. Pure.

    promised_mb   sum of the memory of all that live, workers their number
    own           the same two of those that are of the same function
    """
    own_mb, own_workers = own
    share_mb = max(memory.total_mb * PROMISED_TIMES // SHARE, wanted_mb)
    if own_workers >= WORKERS_MAX // SHARE or own_mb + wanted_mb > share_mb:
        return (
            f"{own_workers} workers of {own_mb} MB together are this function's; {WORKERS_MAX // SHARE} and "
            f"{share_mb} MB are the most, that others have room too"
        )
    if workers >= WORKERS_MAX:
        return f"{workers} workers are running, {WORKERS_MAX} are the most"
    if memory.available_mb - wanted_mb < RESERVE_MB:
        return (
            f"{memory.available_mb} MB of memory are available, a worker of {wanted_mb} MB would leave "
            f"less than {RESERVE_MB}"
        )
    most_mb = memory.total_mb * PROMISED_TIMES
    if promised_mb + wanted_mb > most_mb:
        return f"{workers} workers may use {promised_mb} MB together, {most_mb} are the most"
    return ""


def read_memory(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> Memory:
    """What there is now. 30 µs: two or three small files."""
    rows = dict(line.split(":", 1) for line in (proc / "meminfo").read_text().splitlines())
    total_mb = int(rows["MemTotal"].split()[0]) // 1024
    available_mb = int(rows["MemAvailable"].split()[0]) // 1024
    for limit_name, used_name in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        limit, used = _number(groups / limit_name), _number(groups / used_name)
        if limit is not None and used is not None and limit // 2**20 < total_mb:
            total_mb = limit // 2**20
            available_mb = min(available_mb, (limit - used) // 2**20)
    return Memory(total_mb, available_mb)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None  # no such group, or "max"


def started_at(pid: int, proc: Path = Path("/proc")) -> int:
    """Clock ticks after boot at which a process began, 0 where there is none: tells a reused pid."""
    try:
        text = (proc / str(pid) / "stat").read_text()
    except OSError:
        return 0
    fields = text.rpartition(")")[2].split()  # the name before it may hold spaces and parentheses
    return 0 if fields[0] in "ZX" else int(fields[19])


class Census:
    """Workers that this launcher made and that may live. It is not their parent, so it looks when asked."""

    def __init__(self) -> None:
        self._workers: dict[int, tuple[int, int, str]] = {}  # pid → began, memory_mb, function

    def add(self, pid: int, memory_mb: int, function: str) -> None:
        """Count a worker that was just made."""
        self._workers[pid] = (started_at(pid), memory_mb, function)

    def sums(self, function: str | None = None) -> tuple[int, int]:
        """(promised MB, number) of those that were alive at the last look; of one function or of all."""
        sizes = [mb for _, mb, name in self._workers.values() if function in (None, name)]
        return sum(sizes), len(sizes)

    def look(self) -> None:
        """Forget those that have ended: 10 µs each, so only when it matters."""
        self._workers = {
            pid: (began, mb, function)
            for pid, (began, mb, function) in self._workers.items()
            if began and started_at(pid) == began
        }

    def refuse(self, memory: Memory, wanted_mb: int, function: str) -> str:
        """`refuse` on what lives; looks again before it says no."""
        refusal = refuse(memory, wanted_mb, *self.sums(), self.sums(function))
        if refusal:
            self.look()
            refusal = refuse(memory, wanted_mb, *self.sums(), self.sums(function))
        return refusal
