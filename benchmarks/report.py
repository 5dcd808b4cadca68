"""Results in one form: a row a metric, `results/NAME.json`, and `results.md` rendered from all of them."""

from __future__ import annotations

import json
import operator
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypedDict

HERE = Path(__file__).parent
RESULTS = HERE / "results"
RENDERED = HERE / "results.md"
UTILISATION_MIN = 0.95

_COMPARE: dict[str, Callable[[float, float], bool]] = {"≤": operator.le, "≥": operator.ge}


@dataclass(frozen=True)
class Goal:
    """A bound on Skerry's figure: absolute, or times a peer's figure of the same row."""

    relation: Literal["≤", "≥"]
    value: float
    peer: str = ""

    def __str__(self) -> str:
        return f"{self.relation} {self.value:g}" + (f" × {self.peer}" if self.peer else "")

    def holds(self, ours: float, peers: Mapping[str, float]) -> bool:
        """Whether `ours` keeps the bound."""
        bound = self.value * peers[self.peer] if self.peer else self.value
        return _COMPARE[self.relation](ours, bound)


@dataclass(frozen=True)
class Row:
    """One metric. holds: none where there is no goal, or nothing of Skerry's to judge.

    spread       smallest and largest of the runs, by server
    utilisation  share of the server's core that was in use (median), by server, where that matters
    """

    metric: str
    unit: str
    skerry: float | None
    peers: dict[str, float] = field(default_factory=dict)
    goal: str = ""
    holds: bool | None = None
    spread: dict[str, list[float]] = field(default_factory=dict)
    utilisation: dict[str, float] = field(default_factory=dict)


OURS = "skerry"


def row(
    metric: str,
    unit: str,
    runs: Mapping[str, Sequence[float]],
    *,
    goals: Sequence[Goal] = (),
    utilisations: Mapping[str, Sequence[float]] | None = None,
) -> Row:
    """Medians of interleaved runs, by server; Skerry's own under the name `skerry`."""
    medians = {name: round(statistics.median(values), 3) for name, values in runs.items() if values}
    ours = medians.pop(OURS, None)
    judged = ours is not None and bool(goals)
    return Row(
        metric,
        unit,
        ours,
        medians,
        " and ".join(map(str, goals)),
        all(goal.holds(ours, medians) for goal in goals) if judged and ours is not None else None,
        {
            name: [round(min(values), 3), round(max(values), 3)]
            for name, values in runs.items()
            if values
        },
        {
            name: round(statistics.median(values), 3)
            for name, values in (utilisations or {}).items()
            if values
        },
    )


def machine() -> dict[str, object]:
    """What it was measured on."""
    models = [
        line.split(":", 1)[1].strip()
        for line in _lines("/proc/cpuinfo")
        if line.startswith("model name")
    ]
    kib = next(
        int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")
    )
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": len(models),
        "memory_mb": kib // 1024,
        "kernel": platform.release(),
        "congestion_control": _lines("/proc/sys/net/ipv4/tcp_congestion_control")[0],
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def finish(name: str, rows: Sequence[Row], versions: Mapping[str, str], *, keep: bool) -> bool:
    """Print the rows and, where they are to be kept, write them. True where every goal holds."""
    for one in rows:
        print(line(one))
    if keep:
        write(name, rows, versions)
    return all(one.holds is not False for one in rows)


def write(name: str, rows: Sequence[Row], versions: Mapping[str, str]) -> None:
    """Write `results/NAME.json` and render all."""
    RESULTS.mkdir(exist_ok=True)
    result: Result = {
        "name": name,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": dict(versions),
        "rows": [asdict(one) for one in rows],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    RENDERED.write_text(
        render([json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))])
    )


def line(one: Row) -> str:
    """A row for the terminal."""
    figures = {OURS: one.skerry, **one.peers}
    shown = [
        f"{name} {value:g}{_detail(one, name)}"
        for name, value in figures.items()
        if value is not None
    ]
    verdict = {True: "  holds", False: "  MISSED", None: ""}[one.holds]
    return f"{one.metric} [{one.unit}]: {'; '.join(shown)}" + (
        f"  goal {one.goal}{verdict}" if one.goal else ""
    )


def _detail(one: Row, name: str) -> str:
    low, high = one.spread.get(name, [0.0, 0.0])
    used = one.utilisation.get(name)
    waited = ", too idle to compare" if used is not None and used < UTILISATION_MIN else ""
    filled = f", core {used:.0%} used{waited}" if used is not None else ""
    return f" ({low:g}–{high:g}{filled})" if low != high or filled else ""


class Result(TypedDict):
    """What a file of `results` holds."""

    name: str
    when: str
    machine: dict[str, object]
    versions: dict[str, str]
    rows: list[dict[str, Any]]  # Any: a Row's fields, of several types


def render(results: Sequence[Result]) -> str:
    """`results.md`: a table a benchmark."""
    parts = [
        "# Measured\n",
        "Rendered from `results/*.json`, which `make bench` writes. Medians of interleaved runs, smallest and",
        "largest in brackets; CPU time is that of all tasks of the server. Compare within a row: another machine",
        "has other figures.\n",
    ]
    for result in results:
        parts += _render_one(result)
    return "\n".join(parts)


def _render_one(result: Result) -> list[str]:
    where = result["machine"]
    versions = result["versions"]
    said = ", ".join(f"{name} {text}" for name, text in versions.items())
    parts = [
        f"## {result['name']}\n",
        f"{result['when']}, {where['cores']} × {where['cpu']}, kernel {where['kernel']}. {said}.\n",
        "| metric | unit | Skerry | peers | goal | holds |",
        "|---|---|---|---|---|---|",
    ]
    for fields in result["rows"]:
        one = Row(**fields)
        ours = "not measured" if one.skerry is None else f"**{one.skerry:g}**{_detail(one, OURS)}"
        peers = "<br>".join(
            f"{name}: {value:g}{_detail(one, name)}" for name, value in one.peers.items()
        )
        holds = {True: "yes", False: "**no**", None: ""}[one.holds]
        parts.append(f"| {one.metric} | {one.unit} | {ours} | {peers} | {one.goal} | {holds} |")
    return [*parts, ""]
