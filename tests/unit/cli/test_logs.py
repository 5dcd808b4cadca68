"""`skerry logs` on files, running or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.base.errors import CallerError
from skerry.cli.logs import command
from tests.support.node import environment
from tests.support.wait import until


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / ".skerry" / "log"
    folder.mkdir(parents=True)
    for number, pop in enumerate(("us-east", "eu-west")):
        lines = [line(second * 2 + number, f"{pop}-{second}") for second in range(5)]
        (folder / f"{pop}.log").write_text("".join(lines))
    return tmp_path


def line(second: int, request_id: str) -> str:
    return (
        json.dumps(
            {"time_ms": second * 1000, "method": "GET", "path": "/", "request_id": request_id}
        )
        + "\n"
    )


def test_the_last_lines_of_all(project: Path) -> None:
    result = CliRunner().invoke(command, [str(project), "-n", "3", "--json"])
    found = [json.loads(line) for line in result.output.splitlines()]
    assert [record["request_id"] for record in found] == ["eu-west-3", "us-east-4", "eu-west-4"]
    only = CliRunner().invoke(command, [str(project), "--pop", "us-east"])
    assert only.output.count("\n") == 5
    assert "eu-west" not in only.output


def test_following(project: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "skerry.cli.main", "logs", "-f", "-n", "0", str(project)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            log = project / ".skerry" / "log" / "us-east.log"
            assert process.stdout is not None
            os.set_blocking(process.stdout.fileno(), False)
            seen: list[str] = []

            def follows() -> bool:
                """Whether a line that was added now is told: the first may come before the file is opened."""
                with log.open("a") as file:
                    file.write(line(99, "new"))
                assert process.stdout is not None
                seen.append(process.stdout.readline())
                return "GET" in seen[-1]

            until(follows, what="a new line")
            assert seen[-1].endswith(" new\n")
        finally:
            process.kill()


def test_who_follows_before_there_is_a_run_is_told_what_he_waits_for(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "skerry.cli.main", "logs", "-f", str(tmp_path)],
        env=environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline() == f"waiting for a run in {tmp_path}\n"
        finally:
            process.kill()


def test_no_logs_yet(tmp_path: Path) -> None:
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, [str(tmp_path)], catch_exceptions=False)
    assert caught.value.code == "logs.nothing"


def test_logs_without_a_line_say_so(tmp_path: Path) -> None:
    (tmp_path / ".skerry" / "log").mkdir(parents=True)
    done = CliRunner().invoke(command, [str(tmp_path)], catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == f"nothing was logged yet in {tmp_path}\n"


def test_a_pop_that_has_never_run(project: Path) -> None:
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, [str(project), "--pop", "nix"], catch_exceptions=False)
    assert (caught.value.code, caught.value.hint) == ("pop.unknown", "there are eu-west, us-east")


def test_no_fewer_than_none(project: Path) -> None:
    assert CliRunner().invoke(command, [str(project), "-n", "-5"]).exit_code == 2


def test_one_request(project: Path) -> None:
    said = {"time_ms": 9, "request_id": "us-east-1", "stream": "stdout", "text": "hello"}
    (project / ".skerry" / "log" / "functions.log").write_text(json.dumps(said) + "\n")
    result = CliRunner().invoke(command, [str(project), "--id", "us-east-1", "--json"])
    found = [json.loads(line) for line in result.output.splitlines()]
    assert [record.get("text") for record in found] == ["hello", None]
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, [str(project), "--id", "us"], catch_exceptions=False)
    assert caught.value.code == "logs.unknown_request"


def test_an_id_as_a_terminal_shows_it_is_enough(project: Path) -> None:
    (project / ".skerry" / "log" / "us-east.log").write_text(
        line(1, "A3xVjU3M7o3B-first") + line(2, "A3xVjU3M7o3C-other")
    )
    result = CliRunner().invoke(command, [str(project), "--id", "A3xVjU3M7o3B"])
    assert result.output.endswith(" A3xVjU3M7o3B-first\n")
    assert result.output.count("\n") == 1


def test_one_request_is_sought_before_the_tail_too(project: Path) -> None:
    log = project / ".skerry" / "log" / "us-east.log"
    log.write_text(line(1, "early") + line(2, "x" * 1000) * 400)
    result = CliRunner().invoke(command, [str(project), "--id", "early"])
    assert result.output.endswith(" early\n")


def test_engines_are_asked_to_write_what_they_hold(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = project / ".skerry" / "log" / "us-east.log"

    class Control:
        def __init__(self, root: Path, timeout_s: float) -> None:
            assert root == project

        def __enter__(self) -> Control:
            return self

        def __exit__(self, *_: object) -> None:
            return

        def ask(self, op: str) -> None:
            assert op == "status"
            with log.open("a") as file:
                file.write(line(99, "just-now"))

    monkeypatch.setattr("skerry.control.client.Client", Control)
    result = CliRunner().invoke(command, [str(project), "-n", "1"])
    assert result.output.endswith(" just-now\n")
