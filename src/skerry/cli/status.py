"""`skerry status`: what runs, and how it does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any  # Any: control's answers are JSON

import click


@click.command("status")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(path: Path, as_json: bool) -> None:
    """Show PoPs with hit ratio and requests per second, origins, functions and processes."""
    from skerry.cli import greeting, render
    from skerry.control.client import Client

    root = path.resolve()
    with Client(root) as control:
        found = control.ask("status")
    found["parts"] = parts(root)
    if as_json:
        click.echo(json.dumps(found))
        return
    out = sys.stdout
    out.write(
        f"{found['name']} version {found['version']} ({found['profile']}, {found['level']})\n\n"
    )
    render.table([pop_row(pop, found["engines"]) for pop in found["pops"]], stream=out)
    out.write("\n")
    render.table(
        [{"origin": each["id"], "where": greeting.place(each)} for each in found["origins"]],
        stream=out,
    )
    if found["functions"]:
        out.write("\n")
        rows = [
            {"function": each["name"], "handler": each["handler"], "version": each["version"][:8]}
            for each in found["functions"]
        ]
        render.table(rows, stream=out)
    out.write("\n")
    render.table(found["parts"], stream=out)
    wrong = [each for each in found["findings"] if each["level"] == "error"]
    if wrong and not found["rejected"]:
        sys.stderr.write("\nwrong with what runs:\n\n")
        render.findings(greeting.read_findings(wrong), sys.stderr)
    if found["rejected"]:
        sys.stderr.write("\nthe last edit was not taken:\n\n")
        render.findings(greeting.read_findings(found["rejected"]), sys.stderr)


def pop_row(pop: dict[str, Any], engines: list[dict[str, Any]]) -> dict[str, object]:
    """One PoP's line. A dash where there is no figure yet."""
    engine = next((each for each in engines if each["pop"] == pop["name"]), {})
    status = engine.get("status", {})
    edge = status.get("edge_ms") or {}
    lost = lost_lines(status)
    notes = filter(
        None, (engine.get("error") or pop["refused"], f"{lost} log lines lost" if lost else "")
    )
    return {
        "pop": pop["name"],
        "at": pop["at"],
        "url": pop["http"],
        "requests": status.get("requests"),
        "req/s": engine.get("requests_per_s"),
        "hit %": hit_percent(status),
        "p50 ms": edge.get("p50"),
        "p95 ms": edge.get("p95"),
        "objects": (status.get("cache") or {}).get("objects"),
        "calls": status.get("function_calls"),
        "failed": status.get("function_errors"),
        "version": pop["version"],
        "note": "; ".join(notes),
    }


def lost_lines(status: dict[str, Any]) -> int:
    """Lines of logs that an engine could not write."""
    return sum(int(status.get(name, 0)) for name in ("records_lost", "function_lines_lost"))


def hit_percent(status: dict[str, Any]) -> float | None:
    """Share of the requests that looked into the cache and were answered from it, renewed and stale ones too."""
    found = sum(status.get(name, 0) for name in ("hits", "refresh_hits", "stale_hits"))
    asked = found + status.get("misses", 0) + status.get("passes", 0)
    return round(100 * found / asked, 1) if asked else None


def parts(root: Path) -> list[dict[str, object]]:
    """What init wrote about its processes."""
    try:
        found = json.loads((root / ".skerry" / "run" / "parts.json").read_text())["parts"]
    except (OSError, ValueError, KeyError):
        return []  # between two runs
    return [
        {"process": name, "pid": each["pid"], "state": each["state"], "restarts": each["restarts"]}
        for name, each in found.items()
    ]
