"""What holds for every test.

Skips are known and told, nothing that was started is left behind, and nobody calls beyond this machine.
"""

from __future__ import annotations

import fnmatch
import socket
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = ["skerry.testing.plugin"]  # ours, as users have it

ROOT = Path(__file__).resolve().parent.parent
SKIPS = tomllib.loads((ROOT / "tests" / "skips.toml").read_text())["skip"]

# no deadline: this machine may be shared, and a slow example is no wrong one
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


@pytest.fixture(autouse=True, scope="session")
def stay_home() -> Iterator[None]:
    """A test that connects to another machine fails, here and not one day in a train."""
    connect = socket.socket.connect

    def connect_home(own: socket.socket, address: tuple[str, int] | str | bytes) -> None:
        far = own.family in (socket.AF_INET, socket.AF_INET6)
        if far and not str(address[0]).startswith(("127.", "::1", "localhost", "0.0.0.0")):
            raise AssertionError(f"a test calls {address}: only this machine may be called")
        connect(own, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_home)
        yield


@pytest.fixture(autouse=True, scope="session")
def own_authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Projects that tests start are signed by a CA of the tests, not by the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        yield


def left_behind() -> list[str]:
    """Children of this process that still run, by their command lines."""
    found = []
    for task in Path("/proc/self/task").glob("*/children"):
        for pid in task.read_text().split():
            try:
                line = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
            except OSError:  # it has ended meanwhile
                continue
            if "multiprocessing.resource_tracker" not in line:
                found.append(f"{pid}: {line or 'ended, and nobody has waited for it'}")
    return found


def skip_reason(report: pytest.TestReport) -> str:
    """The words of one skip."""
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(report.longrepr)


def is_known(test: str, reason: str) -> bool:
    """Whether tests/skips.toml has it."""
    return any(fnmatch.fnmatch(test, row["test"]) and row["reason"] in reason for row in SKIPS)


def unknown_skips(reporter: pytest.TerminalReporter) -> list[str]:
    """Skips that nobody has excused, as `test: reason`."""
    skipped = [(r.nodeid, skip_reason(r)) for r in reporter.stats.get("skipped", [])]
    return [f"{test}: {reason}" for test, reason in skipped if not is_known(test, reason)]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A run with a skip that nobody has excused, or with a child left behind, has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus != pytest.ExitCode.OK or reporter is None:
        return
    if unknown_skips(reporter) or left_behind():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which those were (`-ra` has listed every skip with its reason)."""
    unknown = unknown_skips(terminalreporter)
    if unknown:
        terminalreporter.section("skips that tests/skips.toml does not know: the run has failed")
        for line in unknown:
            terminalreporter.line(line)
    running = left_behind()
    if running:
        terminalreporter.section("processes that tests have left behind: the run has failed")
        for line in running:
            terminalreporter.line(line)
