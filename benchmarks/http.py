"""What a request costs: hits, misses and TLS, Skerry beside nginx and HAProxy, and the memory of an idle PoP.

Server on one core, client on the other. Rounds are interleaved (every server once, then again), so that what
the machine does meanwhile falls on all of them. The figure is CPU time of the server, which a busy neighbour
changes far less than requests a second.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import peer, report, snapshot
from benchmarks.load import Sample, build_lean, run_h2load, run_lean
from benchmarks.report import OURS, Goal, Row
from benchmarks.server import Server, free_port
from skerry.spec.project import Profile

ROUNDS = 5
SECONDS = 2.0
ATTEMPTS = 3
URLS_SMALL = 1000
URLS_LARGE = 100
HIT_GOALS = (Goal("≤", 0.5, peer.NGINX_CACHE), Goal("≤", 0.85, peer.NGINX_RETURN))
LARGE_GOALS = (Goal("≤", 0.9, peer.NGINX_CACHE),)
IDLE_GOALS = (Goal("≤", 40.0),)

Load = Callable[[Server, int], Sample]


def measure(
    metric: str,
    servers: Sequence[Server],
    load: Load,
    *,
    rounds: int,
    goals: Sequence[Goal] = (),
) -> Row:
    """CPU µs a request on each server. The first pass fills caches and is not counted."""
    print(f"· {metric}", flush=True)
    runs: dict[str, list[float]] = {server.name: [] for server in servers}
    utilisations: dict[str, list[float]] = {server.name: [] for server in servers}
    numbers = itertools.count()
    for server in servers:
        load(server, next(numbers))
    for _ in range(rounds):
        for server in servers:
            sample = sample_busy(server, lambda one: load(one, next(numbers)))
            runs[server.name].append(sample.cpu_us)
            utilisations[server.name].append(sample.utilisation)
    return report.row(metric, "CPU µs", runs, goals=goals, utilisations=utilisations)


def sample_busy(server: Server, load: Callable[[Server], Sample]) -> Sample:
    """A run in which the server filled its core; the fullest of a few where others use the core too.

    CPU time of a server that waits holds wakeups, which are the scheduler's cost and not its own.
    """
    best: Sample | None = None
    for _ in range(ATTEMPTS):
        server.truncate_logs()
        sample = load(server)
        if best is None or sample.utilisation > best.utilisation:
            best = sample
        if best.utilisation >= report.UTILISATION_MIN:
            break
    assert best is not None  # ATTEMPTS is at least 1
    return best


def start_skerry(
    folder: Path,
    origin: Server,
    tls: Path,
    *,
    profile: Profile = "cloudfront",
    default_ttl_s: int = 86_400,
) -> Server:
    """One PoP alone, through `serve`."""
    folder.mkdir(parents=True)
    http_port, https_port = free_port(), free_port()
    wanted = snapshot.build(
        http_port=http_port,
        https_port=https_port,
        origin_port=origin.port,
        profile=profile,
        default_ttl_s=default_ttl_s,
    )
    (folder / "snapshot.json").write_bytes(snapshot.encode(wanted))
    arguments = [str(folder), str(http_port), str(https_port), str(tls)]
    command = [sys.executable, "-m", "benchmarks.serve", *arguments]
    return Server(
        OURS, command, http_port, tls_port=https_port, folder=folder, environment=environment()
    )


def environment() -> dict[str, str]:
    """Where a server of ours finds our packages."""
    root = Path(__file__).parent.parent
    return {"PYTHONPATH": f"{root / 'src'}:{root}"}


def native_is_there() -> bool:
    """Whether the Rust core is built."""
    probe = [sys.executable, "-c", "import skerry._native"]
    return (
        subprocess.run(probe, check=False, env=environment(), capture_output=True).returncode == 0
    )


def make_certificate(folder: Path) -> Path:
    """An ECDSA P-256 certificate for localhost, the same on every server."""
    folder.mkdir(parents=True)
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(folder / "bench.key"), "-out", str(folder / "bench.crt")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def rows(servers: dict[str, Server], scratch: Path, rounds: int, seconds: float) -> list[Row]:
    """All of the benchmark's rows."""
    lean = build_lean()
    small = ["--seconds", str(seconds), "--length", "1024"]
    large = ["--seconds", str(seconds), "--length", "65536", "--urls", str(URLS_LARGE), "--browser"]
    caches = [servers[name] for name in (OURS, peer.NGINX_CACHE, peer.HAPROXY) if name in servers]
    everyone = [*caches, servers[peer.NGINX_RETURN]]
    hit = [*small, "--urls", str(URLS_SMALL)]

    def miss(server: Server, number: int) -> Sample:
        # Each URL once in all rounds: no server may profit from knowing a key.
        fresh = ["--urls", "1000000", "--from", str(number * 1_000_000), "--in-order", "--browser"]
        return run_lean(lean, server, "/n/1k/{}", [*small, *fresh])

    def tls(server: Server, http1: bool) -> Sample:
        return run_h2load(
            server, "/h/1k/{}", seconds, http1=http1, urls=URLS_SMALL, scratch=scratch
        )

    browser, bare, paths = [*hit, "--browser"], hit, ("/h/1k/{}", "/h/64k/{}")
    return [
        measure(
            "cached 1 KB hit",
            everyone,
            lambda s, n: run_lean(lean, s, paths[0], browser),
            rounds=rounds,
            goals=HIT_GOALS,
        ),
        measure(
            "cached 1 KB hit, bare head",
            everyone,
            lambda s, n: run_lean(lean, s, paths[0], bare),
            rounds=rounds,
        ),
        measure(
            "cached 64 KB hit",
            caches,
            lambda s, n: run_lean(lean, s, paths[1], large),
            rounds=rounds,
            goals=LARGE_GOALS,
        ),
        measure("miss, 1 KB no-store", caches, miss, rounds=rounds),
        measure(
            "cached 1 KB hit, TLS 1.3 + HTTP/1.1", caches, lambda s, n: tls(s, True), rounds=rounds
        ),
        measure(
            "cached 1 KB hit, TLS 1.3 + HTTP/2", caches, lambda s, n: tls(s, False), rounds=rounds
        ),
    ]


def idle(server: Server) -> Row:
    """Memory of a PoP before its first request."""
    return report.row(
        "idle PoP", "MB resident", {OURS: [server.rss_bytes() / 1e6]}, goals=IDLE_GOALS
    )


def main(
    *,
    peers_only: bool = False,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    keep: bool = True,
) -> bool:
    """Measure and write. True where every goal holds."""
    peer.install_missing()
    if not peers_only and not native_is_there():
        raise SystemExit(
            "the Rust core is not built: run `make bench`, or measure the peers with --peers-only"
        )
    with ExitStack() as stack:
        scratch = Path(
            stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm", prefix="bench-"))
        )
        certificate = make_certificate(scratch / "tls")
        origin = stack.enter_context(peer.start_origin(scratch / "origin"))
        started = [
            peer.start_nginx_cache(scratch / "nginx-cache", origin, certificate),
            peer.start_nginx_return(scratch / "nginx-return"),
            peer.start_haproxy(scratch / "haproxy", origin, certificate),
        ]
        found: list[Row] = []
        if not peers_only:
            ours = start_skerry(scratch / "skerry", origin, certificate)
            started.append(ours)
            found.append(idle(ours))
        servers = {server.name: stack.enter_context(server) for server in started}
        found = [*rows(servers, scratch, rounds, seconds), *found]
    versions = {name: peer.version(name) for name in ("nginx", "haproxy", "h2load")}
    return report.finish("http", found, versions, keep=keep and not peers_only)
