"""Functions through the front door: nonces in a storm, saves while it runs, a debugger."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import Iterator

import pytest

from tests.support.echo import HANDLER, EchoRun, running_echo
from tests.support.nonces import CONNECTIONS, Storm
from tests.support.wait import until

CALLS = 50_000


@pytest.fixture(scope="module")
def run() -> Iterator[EchoRun]:
    with running_echo() as found:
        yield found


def weather(run: EchoRun, storm: Storm) -> None:
    """Let it blow, and look at what it leaves."""
    before = run.standing()
    asyncio.run(storm.blow())
    tally, killed = storm.tally, storm.killed
    print(f"{dict(tally)} · killed {dict(killed)} · back within {storm.back_s}")
    assert tally["own"] >= storm.calls
    assert tally["due"] > 0
    assert tally["left"] > 0
    # A worker that is killed takes the one call along that it runs, a launcher none, an engine what it has accepted.
    assert tally["failed"] <= killed["worker"]
    assert tally["cut"] <= killed[run.engine] * CONNECTIONS
    run.save("after the storm")  # workers of a version that nobody names any more are let go
    until(lambda: not run.workers(), within_s=10, what="no worker is left")
    until(lambda: run.standing() == before, within_s=10, what=f"{run.standing()} is {before} again")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_every_call_gets_its_own_answer(run: EchoRun) -> None:
    thirds = [CALLS // 4, CALLS // 2, 3 * CALLS // 4]
    weather(run, Storm(run, CALLS, launcher_at=thirds, engine_at=[at + 3_000 for at in thirds]))


def ask(run: EchoRun) -> tuple[int, str]:
    """One call on a connection of its own: status, and the edition of the handler."""
    connection = http.client.HTTPConnection("127.0.0.1", run.port, timeout=10)
    connection.request("GET", "/echo", headers={"X-Nonce": "n"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers.get("X-Edition", "")
