"""`skerry up` in a terminal with a shell that has jobs: Ctrl-Z, fg, bg, &."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import shop
from tests.support.node import environment
from tests.support.terminal import Terminal, terminal

UP = f"{sys.executable} -m skerry.cli.main up"
TYPED = "keys: b browser"


@pytest.fixture(params=["dash -i", "bash --norc --noediting -i"])
def shell(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """One that leaves the terminal as its jobs leave it, so that what a better one would mend is seen; and one that
    tells a job nothing that it fetches from the background."""
    shop.write(tmp_path)
    program, *flags = request.param.split()
    words = [shutil.which(program) or "sh", *flags]
    with terminal(words, tmp_path, environment() | {"PS1": "$ ", "NO_COLOR": "1"}) as shell:
        try:
            yield shell
        finally:
            shop.skerry(tmp_path, "down")


def works(shell: Terminal, count: int) -> None:
    """A key is heard at once and not shown."""
    shell.press("l")
    word = "logs on" if count % 2 else "logs off"
    said = shell.until(lambda said: said.count("logs o") == count, f"{word}, {count} in all")
    assert f"l{word}" not in said


def test_a_run_that_is_stopped_gives_the_terminal_back_and_takes_it_again(shell: Terminal) -> None:
    shell.press(f"{UP}\n")
    shell.until(lambda said: TYPED in said and not shell.is_plain(), "it takes keys")
    works(shell, 1)
    shell.press("\x1a")
    said = shell.until(lambda said: "Stopped" in said, "the shell is back")
    assert "suspended; the project serves on" in said
    assert shell.is_plain(), "what is typed is shown again"
    shell.press("fg\n")
    shell.until(lambda _said: not shell.is_plain(), "it takes keys again")
    works(shell, 2)
    shell.press("\x1a")
    shell.until(lambda said: said.count("Stopped") == 2, "once more")
    assert shell.is_plain()
    shell.press("fg\n")
    shell.until(lambda _said: not shell.is_plain(), "and back")
    shell.press("q")
    shell.until(lambda said: said.rstrip().endswith("$") and "stopping" in said, "it has ended")
    assert shell.is_plain()


def test_a_run_in_the_background_leaves_the_keys_to_the_shell(shell: Terminal) -> None:
    shell.press(f"{UP} &\n")
    shell.until(lambda said: TYPED in said, "it runs")
    shell.press("echo he''llo; jobs\n")
    said = shell.until(lambda said: "hello" in said and "Running" in said, "the shell is at work")
    assert "Stopped" not in said
    shell.press("fg\n")
    shell.until(lambda _said: not shell.is_plain(), "it takes keys")
    works(shell, 1)
    shell.press("\x1a")
    shell.until(lambda said: "Stopped" in said, "the shell is back")
    shell.press("bg\n")
    shell.press("echo once''more; jobs\n")
    shell.until(lambda said: "oncemore" in said and said.count("Running") >= 2, "still at work")
    assert shell.is_plain()
    shell.press("fg\n")
    shell.until(lambda _said: not shell.is_plain(), "it takes keys, without a signal")
    works(shell, 2)


def test_a_terminal_that_was_changed_meanwhile_is_set_again(shell: Terminal) -> None:
    shell.press(f"{UP}\n")
    shell.until(lambda said: TYPED in said and not shell.is_plain(), "it takes keys")
    (job,) = jobs_of(shell.process.pid)
    os.kill(job, signal.SIGSTOP)  # unlike Ctrl-Z it cannot be answered
    shell.until(lambda said: "Stopped" in said, "the shell is back")
    shell.press("stty sane\n")
    shell.until(lambda _said: shell.is_plain(), "the terminal as everybody wants it")
    shell.press("fg\n")
    shell.until(lambda _said: not shell.is_plain(), "it takes keys again")
    works(shell, 1)


def jobs_of(shell: int) -> set[int]:
    """Its children."""
    return {int(word) for word in Path(f"/proc/{shell}/task/{shell}/children").read_text().split()}
