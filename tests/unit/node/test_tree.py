"""Restarts, swaps and stops with small programs as parts; the whole tree is tried in test_init."""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from skerry.node.assemble import Seat
from skerry.node.leases import Leases
from skerry.node.log import NodeLog
from skerry.node.parts import Part
from skerry.node.report import Report
from skerry.node.timers import Timers
from skerry.node.tree import Tree

READY = "import json, os; os.write(json.loads(os.environ['SKERRY_FDS'])['ready'], b'R');"
PARTS = {
    "steady": READY + "import signal; signal.pause()",
    "stubborn": "import signal; signal.signal(15, signal.SIG_IGN);"
    + READY
    + "\nwhile True: signal.pause()",
    "hopeless": "raise SystemExit(3)",
}


class Rig:
    """A tree and the loop that init would run."""

    def __init__(self, folder: Path, program: str) -> None:
        part = Part("p", "", False, (), (), "ready", swaps=True)
        seat = Seat("p", part, (sys.executable, "-S", "-c", PARTS[program]), dict(os.environ), {})
        self.selector = selectors.DefaultSelector()
        self.timers = Timers(time.monotonic)
        self.ended: list[int] = []
        self.report = Report(folder, -1)
        self.tree = Tree(
            [seat],
            {},
            run=folder,
            drain_s=0.1,
            selector=self.selector,
            timers=self.timers,
            leases=Leases(self.selector),
            report=self.report,
            done=self.ended.append,
        )
        self.chair = self.tree.chairs["p"]
        self.tree.start_all()

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline
            for key, _events in self.selector.select(0.005):
                key.data()
            self.timers.run_due()
            self.tree.reap()

    @property
    def pid(self) -> int:
        serving = self.chair.of("serves")
        return serving.pid if serving is not None and serving.ready else 0


@pytest.fixture
def rig(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Rig]:
    rig = Rig(tmp_path, getattr(request, "param", "steady"))
    yield rig
    if not rig.ended:
        rig.tree.stop()
        rig.tree.kill_all()
        rig.until(lambda: rig.ended)
    rig.selector.close()


def test_a_dead_process_is_followed_by_another(rig: Rig) -> None:
    rig.until(lambda: rig.pid)
    first = rig.pid
    os.kill(first, signal.SIGKILL)
    rig.until(lambda: rig.pid not in (0, first))
    assert (rig.chair.restarts, rig.chair.failures) == (1, 1)
    assert " ended " in rig.chair.ended, "for whoever watches the run"
    rig.tree.stop()
    rig.until(lambda: rig.ended)
    assert rig.ended == [0]


def test_a_swap_starts_the_next_before_it_ends_the_first(rig: Rig) -> None:
    rig.until(lambda: rig.pid)
    first = rig.pid
    rig.tree.swap("p")
    rig.tree.swap("p")
    assert [process.role for process in rig.chair.processes] == ["serves", "next"], "one at a time"
    rig.until(lambda: rig.pid not in (0, first))
    rig.until(lambda: len(rig.chair.processes) == 1)
    assert rig.chair.restarts == 0


def test_the_first_dying_during_a_swap_lets_the_next_take_over(rig: Rig) -> None:
    rig.until(lambda: rig.pid)
    first = rig.pid
    rig.tree.swap("p")
    os.kill(first, signal.SIGKILL)
    rig.until(lambda: rig.pid not in (0, first))
    assert rig.chair.restarts == 0


@pytest.mark.parametrize("rig", ["stubborn"], indirect=True)
def test_what_ignores_a_request_is_killed_after_its_time(rig: Rig) -> None:
    rig.until(lambda: rig.pid)
    began = time.monotonic()
    rig.tree.stop()
    rig.until(lambda: rig.ended)
    assert 1.0 <= time.monotonic() - began < 3.0


@pytest.mark.parametrize("rig", ["stubborn"], indirect=True)
def test_a_second_stop_does_not_wait(rig: Rig) -> None:
    rig.until(lambda: rig.pid)
    began = time.monotonic()
    rig.tree.stop()
    rig.tree.stop()
    rig.until(lambda: rig.ended)
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize("rig", ["hopeless"], indirect=True)
def test_a_part_that_never_comes_up_ends_the_run(rig: Rig) -> None:
    rig.until(lambda: rig.ended)
    assert rig.ended == [70]
    assert rig.chair.failures == 3


def test_the_last_words_of_a_process_are_written_before_its_end_is_told(tmp_path: Path) -> None:
    kept = [os.dup(1), os.dup(2)]  # the log takes them
    rig = Rig(tmp_path, "steady")
    try:
        rig.report.begin(NodeLog(tmp_path / "node.log", 0))
        rig.chair.seat = replace(
            rig.chair.seat,
            argv=(sys.executable, "-S", "-c", "import os; os.write(2, b'sorry\\n')"),
        )
        rig.until(lambda: rig.pid)
        rig.tree.swap("p")
        newcomer = rig.chair.of("next")
        assert newcomer is not None
        os.waitid(os.P_PID, newcomer.pid, os.WEXITED | os.WNOWAIT)
        rig.tree.reap()  # before anybody has listened
        log = (tmp_path / "node.log").read_text()
        assert log.index("sorry") < log.index(f"pid {newcomer.pid} ended")
    finally:
        for number, copy in enumerate(kept, 1):
            os.dup2(copy, number)
            os.close(copy)
        rig.tree.stop()
        rig.tree.kill_all()
        rig.until(lambda: rig.ended)
        rig.selector.close()
