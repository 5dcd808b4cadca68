"""What a Python viewer-request call adds, and how fast things are back or new, with the whole of `skerry up`.

Added latency is measured with one connection: p50 of a cached object behind a function, less p50 of one without,
in turn, so that the machine's mood falls on both, with engine and workers on one core and the client on the other:
left to itself the kernel moves the three about, and a core that sleeps takes longer to wake than the call takes.
Calls a second are those of 32 connections. A cold call is the first after every worker was killed; a save is live
when the first answer comes from the new code.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import peer, report
from benchmarks.http import environment, native_is_there
from benchmarks.load import Sample, build_lean, run_lean
from benchmarks.report import OURS, Goal, Row
from benchmarks.server import SERVER_CORE, Server, free_port, rss_bytes

ADDED_GOALS = (Goal("≤", 60.0),)
IDLE_GOALS = (Goal("≤", 40.0),)
BACK_GOALS = (Goal("≤", 1000.0),)
COLD_GOALS = (Goal("≤", 5.0),)
SAVE_GOALS = (Goal("≤", 200.0),)
COLD_CALLS = 20  # a round
READY_DEADLINE_S = 30.0
PARTS = {"engine": "engine-bench", "launcher": "launcher"}
ANSWERED = "/h/1k/f-answered"

HANDLER = """
EDITION = 0


def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    if request["uri"] == "/h/1k/f-answered":
        return {"status": "200", "body": str(EDITION)}
    request["headers"]["x-visited"] = [{"key": "X-Visited", "value": context.function_name}]
    return request
"""

TERRAFORM = """
resource "aws_lambda_function" "visit" {
  function_name = "visit"
  filename      = "lambda.zip"
  handler       = "app.handler"
  runtime       = "python3.13"
  role          = "arn:aws:iam::123456789012:role/edge"
  publish       = true
}
resource "aws_cloudfront_cache_policy" "path" {
  name        = "path"
  default_ttl = 3600
  max_ttl     = 86400
  min_ttl     = 0
  parameters_in_cache_key_and_forwarded_to_origin {
    cookies_config { cookie_behavior = "none" }
    headers_config { header_behavior = "none" }
    query_strings_config { query_string_behavior = "none" }
  }
}
resource "aws_cloudfront_distribution" "bench" {
  enabled = true
  origin {
    domain_name = "origin.example.com"
    origin_id   = "files"
    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "http-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }
  default_cache_behavior {
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    target_origin_id       = "files"
    viewer_protocol_policy = "allow-all"
    cache_policy_id        = aws_cloudfront_cache_policy.path.id
  }
  ordered_cache_behavior {
    path_pattern           = "/h/1k/f*"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    target_origin_id       = "files"
    viewer_protocol_policy = "allow-all"
    cache_policy_id        = aws_cloudfront_cache_policy.path.id
    lambda_function_association {
      event_type = "viewer-request"
      lambda_arn = aws_lambda_function.visit.qualified_arn
    }
  }
  restrictions {
    geo_restriction { restriction_type = "none" }
  }
  viewer_certificate { cloudfront_default_certificate = true }
}
"""

PROJECT = """
format = 1
name = "bench"

[function.visit]
source = "lambda"
handler = "app.handler"

[local]
http_port = {http}
https_port = {https}
pop.bench = {{ at = "iad", origin_rtt_ms = 0 }}

[local.origin]
files = "http://127.0.0.1:{origin}"
"""


def write_project(folder: Path, http: int, origin: int) -> None:
    """One PoP, one function, one origin."""
    (folder / "lambda").mkdir(parents=True)
    (folder / "lambda" / "app.py").write_text(HANDLER)
    (folder / "main.tf").write_text(TERRAFORM)
    (folder / "skerry.toml").write_text(PROJECT.format(http=http, https=free_port(), origin=origin))


def status_of(port: int, path: str) -> int:
    """Status of one GET on a connection of its own; 0 where there was no answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def wait_for(what: Callable[[], bool], deadline_s: float, said: str) -> float:
    """Poll until true; seconds that it took."""
    start = time.monotonic()
    while not what():
        if time.monotonic() - start > deadline_s:
            raise SystemExit(said)
        time.sleep(0.005)
    return time.monotonic() - start


def read_parts(project: Path) -> dict[str, Any]:
    """What init has written of its parts and of itself."""
    found: dict[str, Any] = json.loads((project / ".skerry" / "run" / "parts.json").read_text())
    return found


def find_part(project: Path, part: str) -> int:
    """Pid of a part of `skerry up`; 0 while it is not ready."""
    told = read_parts(project)["parts"][PARTS[part]]
    return int(told["pid"]) if told["state"] == "ready" else 0


def workers_of(project: Path) -> list[int]:
    """Pids of the function's workers: children of init by the name that they give themselves."""
    init = read_parts(project)["init"]
    found = []
    for pid in Path(f"/proc/{init}/task/{init}/children").read_text().split():
        try:
            if Path(f"/proc/{pid}/comm").read_text() == "skerry:visit\n":
                found.append(int(pid))
        except OSError:  # it has ended meanwhile
            continue
    return found


def time_return(project: Path, port: int, part: str) -> float:
    """Kill a part; milliseconds until it runs again under another pid and a call through it succeeds."""
    before = find_part(project, part)
    start = time.monotonic()
    os.kill(before, signal.SIGKILL)
    number = 0

    def is_back() -> bool:
        nonlocal number
        number += 1
        return (
            find_part(project, part) not in (0, before)
            and status_of(port, f"/h/1k/f-back-{number}") == 200
        )

    wait_for(is_back, READY_DEADLINE_S, f"{part} did not come back")
    return (time.monotonic() - start) * 1000


def ask(connection: http.client.HTTPConnection) -> bytes:
    """What the function itself answers, on a kept connection."""
    connection.request("GET", ANSWERED)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"the function answered {answer.status}: {body!r}")
    return body


def time_cold(project: Path, port: int) -> float:
    """Milliseconds of a call that finds no worker: the median of some, seen from the client."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_DEADLINE_S)
    connection.connect()
    found = []
    for _ in range(COLD_CALLS):
        for pid in workers_of(project):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not workers_of(project), READY_DEADLINE_S, "workers do not die")
        start = time.perf_counter()
        ask(connection)
        found.append((time.perf_counter() - start) * 1000)
    connection.close()
    return statistics.median(found)


def time_save(project: Path, port: int, edition: int) -> float:
    """Milliseconds from a save until the first answer of the new code."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_DEADLINE_S)
    code = HANDLER.replace("EDITION = 0", f"EDITION = {edition}")
    wanted = str(edition).encode()
    (project / "lambda" / "app.py").write_text(code)
    took_s = wait_for(lambda: ask(connection) == wanted, READY_DEADLINE_S, "the save is not served")
    connection.close()
    return took_s * 1000


def measure_calls(server: Server, lean: Path, rounds: int, seconds: float) -> list[Row]:
    """Rows of the calls."""

    def load(path: str, connections: int) -> Sample:
        arguments = [
            "--seconds",
            str(seconds),
            "--length",
            "1024",
            "--connections",
            str(connections),
            "--browser",
        ]
        return run_lean(lean, server, path, [*arguments, "--urls", "100"])

    added, p50, p99, rates, cpu = [], [], [], [], []
    for number in range(rounds + 1):
        server.keep_to({SERVER_CORE})
        plain, called = load("/h/1k/p{}", 1), load("/h/1k/f{}", 1)
        server.keep_to(range(os.cpu_count() or 1))
        busy = load("/h/1k/f{}", 32)
        if number:  # the first pass fills the cache and starts workers
            added.append(called.p50_us - plain.p50_us)
            p50.append(called.p50_us)
            p99.append(called.p99_us)
            rates.append(busy.per_second)
            cpu.append(busy.cpu_us)
    return [
        report.row(
            "viewer-request call, p50 added to a hit", "µs", {OURS: added}, goals=ADDED_GOALS
        ),
        report.row("hit behind a viewer-request function, p50", "µs", {OURS: p50}),
        report.row("hit behind a viewer-request function, p99", "µs", {OURS: p99}),
        report.row("viewer-request calls, 32 connections", "calls/s", {OURS: rates}),
        report.row("viewer-request calls, engine and workers", "CPU µs a call", {OURS: cpu}),
    ]


def main(
    *, peers_only: bool = False, rounds: int = 5, seconds: float = 2.0, keep: bool = True
) -> bool:
    """Measure and write. True where every goal holds."""
    if peers_only:
        print("no peer runs Python functions: nothing to measure")
        return True
    peer.install_missing()
    if not native_is_there():
        raise SystemExit("the Rust core is not built: run `make bench`")
    with ExitStack() as stack:
        scratch = Path(
            stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm", prefix="bench-"))
        )
        scratch.chmod(0o755)  # functions may run under a uid of their own
        origin = stack.enter_context(peer.start_origin(scratch / "origin"))
        port, project = free_port(), scratch / "project"
        write_project(project, port, origin.port)
        command = [sys.executable, "-m", "skerry.cli.main", "up", str(project)]
        logs = scratch / "logs"
        logs.mkdir()
        ours = stack.enter_context(
            Server(OURS, command, port, core=None, folder=logs, environment=environment())
        )
        wait_for(
            lambda: status_of(port, "/h/1k/f0") == 200,
            READY_DEADLINE_S,
            f"not ready: {ours.output()}",
        )
        idle = {OURS: [rss_bytes(find_part(project, "engine")) / 1e6]}
        found = measure_calls(ours, build_lean(), rounds, seconds)
        cold = [time_cold(project, port) for _ in range(rounds)]
        found.append(report.row("first response, cold", "ms", {OURS: cold}, goals=COLD_GOALS))
        saves = [time_save(project, port, edition + 1) for edition in range(rounds)]
        found.append(report.row("a save is served", "ms", {OURS: saves}, goals=SAVE_GOALS))
        for part in ("launcher", "engine"):
            back = [time_return(project, port, part) for _ in range(rounds)]
            found.append(
                report.row(f"{part} killed, next good call", "ms", {OURS: back}, goals=BACK_GOALS)
            )
        found.append(report.row("engine of skerry up, idle", "MB resident", idle, goals=IDLE_GOALS))
    return report.finish("functions", found, {"python": sys.version.split()[0]}, keep=keep)
