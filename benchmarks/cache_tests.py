"""The public suite http-tests/cache-tests against both profiles, nginx beside them.

`expected/cache_tests_PROFILE.json` holds the outcome of every test. A test that passed there and passes no more
is lost, and the run fails; what is gained is named, and `--accept` writes it down. CACHE_TESTS names a checkout
of the suite to use instead of the npm package (which lags behind it).
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks import peer, report
from benchmarks.http import make_certificate, native_is_there, start_skerry
from benchmarks.report import OURS, Goal, Row
from benchmarks.server import Server, free_port
from skerry.spec.project import Profile

HERE = Path(__file__).parent
PACKAGE = "http-cache-tests@0.4.5"
INSTALLED = HERE.parent / ".tools" / "cache-tests"
EXPECTED = HERE / "expected"
NGINX = "nginx 1.22"
PROFILES: tuple[Profile, ...] = ("rfc9111", "cloudfront")
REQUIRED_GOALS = (Goal("≥", 125),)
GOOD = ("pass", "yes")

Outcomes = dict[str, tuple[str, str]]  # test id → kind (required, optimal, check), outcome


def install() -> Path:
    """The suite's folder, installed with npm where it is missing."""
    given = os.environ.get("CACHE_TESTS")
    if given:
        return Path(given)
    suite = INSTALLED / "node_modules" / "http-cache-tests"
    if not suite.exists():
        INSTALLED.mkdir(parents=True, exist_ok=True)
        options = [
            "--no-save",
            "--no-package-lock",
            "--ignore-scripts",
            "--omit=dev",
            "--no-audit",
            "--no-fund",
        ]
        command = ["npm", "install", *options, "--prefix", str(INSTALLED), PACKAGE]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return suite


def start_suite_origin(suite: Path, folder: Path) -> Server:
    """The origin that the tests script."""
    folder.mkdir(parents=True)
    port = free_port()
    environment = {
        "npm_config_protocol": "http",
        "npm_config_port": str(port),
        "npm_config_pidfile": str(folder / "pid"),
    }
    engine = suite / "test-engine" if (suite / "test-engine").exists() else suite
    command = ["node", str(engine / "server" / "server.mjs")]
    return Server(
        "cache-tests origin", command, port, core=None, folder=folder, environment=environment
    )


def run_suite(suite: Path, port: int) -> Outcomes:
    """All tests through the cache on `port`, about 50 seconds."""
    command = [
        "node",
        "--no-warnings",
        str(HERE / "cache_tests.mjs"),
        str(suite),
        f"http://127.0.0.1:{port}",
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"the suite ended with an error: {done.stderr[-1000:]}")
    return {
        test: (kind, outcome)
        for test, (kind, outcome) in json.loads(done.stdout.splitlines()[-1]).items()
    }


def count(outcomes: Outcomes, kind: str) -> int:
    """How many tests of a kind are good."""
    return Counter(one for one, outcome in outcomes.values() if outcome in GOOD)[kind]


def lost(expected: Mapping[str, str], outcomes: Outcomes) -> dict[str, str]:
    """Tests that were good and are not → what they are now."""
    return {
        test: outcomes[test][1] if test in outcomes else "gone"
        for test, outcome in expected.items()
        if outcome in GOOD and (test not in outcomes or outcomes[test][1] not in GOOD)
    }


def gained(expected: Mapping[str, str], outcomes: Outcomes) -> list[str]:
    """Tests that are good and were not."""
    return [
        test
        for test, (_, now) in outcomes.items()
        if now in GOOD and expected.get(test) not in GOOD
    ]


def read_expected(profile: str) -> dict[str, str]:
    """Outcomes that were checked in; empty before the first time."""
    path = EXPECTED / f"cache_tests_{profile}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def accept(profile: str, outcomes: Outcomes) -> None:
    """Write the outcomes down as those to expect."""
    EXPECTED.mkdir(exist_ok=True)
    plain = {test: outcome for test, (_, outcome) in sorted(outcomes.items())}
    (EXPECTED / f"cache_tests_{profile}.json").write_text(json.dumps(plain, indent=0) + "\n")


def judge(profile: str, run: Callable[[], Outcomes]) -> tuple[Outcomes, bool]:
    """Run, compare with what is expected, and say what differs. A lost test gets a second run: some are timed."""
    expected, outcomes = read_expected(profile), run()
    missing = lost(expected, outcomes)
    if missing:
        again = run()
        missing = {test: now for test, now in lost(expected, again).items() if test in missing}
    for test, now in missing.items():
        print(f"{profile}: LOST {test}: {now}")
    for test in gained(expected, outcomes):
        print(f"{profile}: gained {test}")
    return outcomes, not missing


def rows(found: Mapping[str, Outcomes], nginx: Outcomes) -> list[Row]:
    """A row a profile and kind."""
    result = []
    for profile, outcomes in {**found, **({} if found else {"rfc9111": {}})}.items():
        for kind in ("required", "optimal"):
            total = sum(one == kind for one, _ in nginx.values())
            runs = {NGINX: [float(count(nginx, kind))]}
            if outcomes:
                runs[OURS] = [float(count(outcomes, kind))]
            goals = REQUIRED_GOALS if (profile, kind) == ("rfc9111", "required") else ()
            result.append(
                report.row(
                    f"{kind} tests passed, profile {profile}", f"of {total}", runs, goals=goals
                )
            )
    return result


def main(*, peers_only: bool = False, accepting: bool = False) -> bool:
    """Run nginx and both profiles. True where no test is lost and the goal holds."""
    peer.install_missing()
    if not peers_only and not native_is_there():
        raise SystemExit(
            "the Rust core is not built: run `make bench`, or measure the peers with --peers-only"
        )
    suite = install()
    with ExitStack() as stack:
        scratch = Path(
            stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm", prefix="bench-"))
        )
        certificate = make_certificate(scratch / "tls")
        origin = stack.enter_context(start_suite_origin(suite, scratch / "origin"))
        nginx = peer.start_nginx(
            NGINX, "nginx_cache_tests.conf", scratch / "nginx", core=None, ORIGIN=origin.port
        )
        beside = run_suite(suite, stack.enter_context(nginx).port)
        found: dict[str, Outcomes] = {}
        kept = True
        for profile in () if peers_only else PROFILES:
            ours = start_skerry(
                scratch / profile, origin, certificate, profile=profile, default_ttl_s=0
            )
            with ours:
                found[profile], good = judge(profile, partial(run_suite, suite, ours.port))
            kept &= good or accepting
            if accepting:
                accept(profile, found[profile])
    versions = {"suite": _suite_version(suite), "nginx": peer.version("nginx")}
    held = report.finish("cache_tests", rows(found, beside), versions, keep=not peers_only)
    return held and kept


def _suite_version(suite: Path) -> str:
    described = json.loads((suite / "package.json").read_text())
    return f"{described['name']} {described['version']}"
