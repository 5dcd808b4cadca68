"""Functions through the front door: nonces in a storm, saves while it runs, a debugger."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.echo import HANDLER, TIMEOUT_S, EchoRun, running_echo
from tests.support.nonces import CONNECTIONS, Link, Storm
from tests.support.wait import until, until_async

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
    return run.page("/echo")[:2]


def test_a_save_is_live_and_a_bad_one_changes_nothing(run: EchoRun) -> None:
    run.save("second")
    until(lambda: ask(run) == (200, "second"), within_s=10, what="the save is live")
    app = run.root / "lambda" / "app.py"
    app.write_text("import nowhere\n" + HANDLER)
    until(lambda: "nowhere" in errors(run), within_s=10, what="the error is told")
    for _ in range(20):
        assert ask(run) == (200, "second")
    run.save("third")
    until(lambda: ask(run) == (200, "third"), within_s=10, what="the mended save is live")
    until(lambda: errors(run) == "[]", within_s=10, what="nothing is wrong any more")


def test_code_that_stops_loading_is_not_started_for_each_call(run: EchoRun) -> None:
    gate = run.root / "gate"
    gate.touch()
    look = f"import os\nos.stat({str(gate)!r})\n"  # what a handler needs at its start may go later
    app = run.root / "lambda" / "app.py"
    app.write_text(look + HANDLER.replace('"first"', '"gated"'))
    until(lambda: ask(run) == (200, "gated"), within_s=10, what="the save is live")
    gate.unlink()
    for pid in run.workers():
        run.kill(pid)
    until(lambda: not run.workers(), within_s=10, what="no worker is left")

    def rests() -> bool:
        status, _, page = run.page("/echo")
        return status == 503 and "FileNotFoundError" in page and "is tried again in" in page

    until(rests, within_s=10, what="loading rests")
    assert "is tried again in" in run.skerry("logs", "--json", "-n", "400").stdout
    gate.touch()
    until(lambda: ask(run) == (200, "gated"), within_s=60, what="it is tried again, and loads")


def errors(run: EchoRun) -> str:
    """JSON of what `skerry status` says is wrong."""
    told = json.loads(run.skerry("status", "--json").stdout)
    return json.dumps([each for each in told["findings"] if each["level"] == "error"])


def test_calls_that_run_outlive_a_save(run: EchoRun) -> None:
    run.save("slow")
    until(lambda: ask(run) == (200, "slow"), within_s=10, what="the save is live")

    async def mixed() -> None:
        storm = Storm(run, 400, worker_every=10_000)
        blowing = asyncio.create_task(storm.blow())
        for number in range(5):
            await storm.reach(60 * (number + 1))
            run.save(f"slow {number}")
        await blowing
        assert (storm.tally["failed"], storm.tally["cut"]) == (0, 0)

    asyncio.run(mixed())


def test_an_engine_that_is_replaced_ends_its_calls(run: EchoRun) -> None:
    """Each on a connection of its own: what an engine has accepted, it answers before it goes."""

    async def calls(first: int) -> None:
        for number in range(first, first + 40):
            _, link = await asyncio.get_running_loop().create_connection(
                Link, "127.0.0.1", run.port
            )
            async with asyncio.timeout(20):
                status, nonce, _ = await link.send(f"n{number}", "sleep")
            link.close()
            assert (status, nonce) == (200, f"n{number}")

    async def swaps() -> None:
        for _ in range(3):
            before = run.pid(run.engine)
            os.kill(run.init, signal.SIGHUP)
            await until_async(
                lambda before=before: run.pid(run.engine) not in (0, before), within_s=10
            )

    async def both() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(swaps())
            for caller in range(16):
                tasks.create_task(calls(1000 * caller))

    asyncio.run(both())


def test_a_debugger_holds_a_call_at_a_terminal() -> None:
    person, terminal = pty.openpty()
    stop = HANDLER.replace('kind = request["uri"][1:]', 'kind = "stopped"\n    breakpoint()')
    answers: list[tuple[int, str]] = []
    try:
        with running_echo(
            "--no-deadline", handler=stop, SKERRY_DEBUG_TTY=os.ttyname(terminal)
        ) as run:
            caller = threading.Thread(target=lambda: answers.append(ask(run)))
            caller.start()
            seen = b""
            while b"(Pdb)" not in seen:
                ready, _, _ = select.select([person], [], [], 10)
                assert ready, (seen, run.log())
                seen += os.read(person, 4096)
            assert b"app.py" in seen
            # held for longer than a call may take
            began = time.monotonic()
            until(lambda: time.monotonic() - began > TIMEOUT_S + 0.2)
            assert answers == []
            os.write(person, b"p kind\n!EDITION = 'by hand'\ncontinue\n")
            caller.join(10)
            assert answers == [(200, "first")]
    finally:
        os.close(person)
        os.close(terminal)
