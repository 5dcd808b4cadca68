"""Load on a server from the other core, and what a request cost the server."""

from __future__ import annotations

import json
import re
import resource
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peer import find
from benchmarks.server import CLIENT_CORE, SERVER_CORE, Server, spent_ns

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Sample:
    """One run. utilisation: share of its core that the server used; below 0.95 the client was the slower one."""

    cpu_us: float
    utilisation: float
    per_second: float
    p50_us: float
    p99_us: float


def build_lean() -> Path:
    """Build the lean client (release) and return its path."""
    command = [
        "cargo",
        "build",
        "--quiet",
        "--release",
        "-p",
        "skerry-lean",
        "--message-format",
        "json",
    ]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    built = [json.loads(line).get("executable") for line in done.stdout.splitlines()]
    return Path(next(path for path in built if path))


def run_lean(lean: Path, server: Server, path: str, arguments: Sequence[str]) -> Sample:
    """Keep-alive HTTP/1.1 in the open."""
    command = [str(lean), f"127.0.0.1:{server.port}", "--path", path, *arguments]
    before = server.times_ns()
    told = json.loads(_run(command))
    spent_us = spent_ns(before, server.times_ns()) / 1000
    requests, seconds = told["requests"], told["seconds"]
    utilisation = spent_us / (seconds * 1e6)
    return Sample(
        spent_us / requests, utilisation, requests / seconds, told["p50_us"], told["p99_us"]
    )


def run_h2load(
    server: Server, path: str, seconds: float, *, http1: bool, urls: int, scratch: Path
) -> Sample:
    """TLS: HTTP/1.1 on 32 connections, or HTTP/2 on 10 with 32 streams each.

    h2load costs more than a server does, so the two share the server's core: on a core of its own the server
    would wait for it, and its figure hold wakeups. `utilisation` is then that of the core, by both.
    """
    base = f"https://localhost:{server.tls_port}"
    listed = scratch / "urls.txt"
    listed.write_text(
        "".join(f"{base}{path.replace('{}', f'{number:08}')}\n" for number in range(urls))
    )
    shape = ["--h1", "-c", "32", "-m", "1"] if http1 else ["-c", "10", "-m", "32"]
    command = [
        find("h2load") or "h2load",
        *shape,
        "-t",
        "1",
        "-D",
        str(round(seconds)),
        "-i",
        str(listed),
    ]
    before, client_before_s = server.times_ns(), _children_s()
    said = _run(command, SERVER_CORE)
    spent_us = spent_ns(before, server.times_ns()) / 1000
    client_us = (_children_s() - client_before_s) * 1e6
    requests, mean_us = read_h2load(server.name, said)
    used = (spent_us + client_us) / (seconds * 1e6)
    return Sample(spent_us / requests, used, requests / seconds, mean_us, 0.0)


def _children_s() -> float:
    """CPU time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_h2load(name: str, said: str) -> tuple[float, float]:
    """Requests done and their mean time in µs, from what h2load printed. Any bad answer ends the benchmark.

    The statuses are not compared with the requests done: at the end a status may have come and its body not.
    """
    done = re.search(r"(\d+) done, \d+ succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", said)
    statuses = re.search(r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", said)
    took = re.search(r"time for request:\s+\S+\s+\S+\s+(\S+)", said)
    if done is None or statuses is None or took is None or not int(done.group(1)):
        raise SystemExit(f"{name}: no request was done:\n{said}")
    bad = sum(map(int, (*done.groups()[1:], *statuses.groups())))
    if bad:
        raise SystemExit(f"{name}: {bad} answers were bad:\n{said}")
    return float(done.group(1)), _microseconds(took.group(1))


def _run(command: Sequence[str], core: int = CLIENT_CORE) -> str:
    pinned = ["taskset", "-c", str(core), *command]
    done = subprocess.run(pinned, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _microseconds(text: str) -> float:
    for unit, scale in (("us", 1.0), ("ms", 1e3), ("s", 1e6)):
        if text.endswith(unit):
            return float(text.removesuffix(unit)) * scale
    return float(text)
