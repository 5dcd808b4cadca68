"""What holds for every test: skips are known and told, and nothing that was started is left behind."""

from __future__ import annotations

import fnmatch
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SKIPS = tomllib.loads((ROOT / "tests" / "skips.toml").read_text())["skip"]


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
    """A run with a skip that nobody has excused has failed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == pytest.ExitCode.OK and reporter is not None and unknown_skips(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which skips those were (`-ra` has listed them all with their reasons)."""
    unknown = unknown_skips(terminalreporter)
    if unknown:
        terminalreporter.section("skips that tests/skips.toml does not know: the run has failed")
        for line in unknown:
            terminalreporter.line(line)
