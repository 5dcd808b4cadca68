"""The front door: exit codes, messages, and that no command is imported that was not named."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from skerry import __version__
from skerry.base.errors import BusyError, ConfigError
from skerry.cli import main as front
from skerry.cli.tree import COMMANDS, LATER, OTHERS

SRC = str(Path(__file__).resolve().parents[3] / "src")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Puts a command named `probe` into the tree that does what it is given."""

    def put(deed: Callable[[], object]) -> None:
        module = types.ModuleType("probe")
        module.command = click.Command("probe", callback=deed)  # type: ignore[attr-defined]  # made here
        monkeypatch.setitem(sys.modules, "probe", module)
        monkeypatch.setitem(COMMANDS, "probe", ("probe", "Probe the front door"))

    return put


def raiser(error: BaseException) -> Callable[[], object]:
    def deed() -> object:
        raise error

    return deed


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main(["--version"]) == 0
    assert capsys.readouterr().out == f"skerry {__version__}\n"


def test_help_lists_commands_and_imports_none(
    command: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command(lambda: None)
    monkeypatch.setitem(COMMANDS, "probe", ("no.such.module", "Probe the front door"))
    assert front.main([]) == 0
    assert "Probe the front door" in capsys.readouterr().out
    assert front.main(["--help"]) == 0


def test_a_command_runs(command: Callable[[Callable[[], object]], None]) -> None:
    ran: list[int] = []
    command(lambda: ran.append(1))
    assert front.main(["probe"]) == 0
    assert ran == [1]


@pytest.mark.parametrize(
    ("word", "code", "says"),
    [
        ("kv", "cli.later", "comes with a later version"),
        ("prob", "cli.unknown_command", "did you mean `skerry probe`?"),
        ("xyzzy", "cli.unknown_command", "lists the commands"),
        ("--nonsense", "cli.usage", "--help"),
    ],
)
def test_words_that_are_no_command(
    word: str,
    code: str,
    says: str,
    command: Callable[[Callable[[], object]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command(lambda: None)
    assert front.main([word]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert f"error[{code}]" in said.err
    assert says in said.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("project.not_found", "no"), 2),
        (BusyError("cli.later", "no"), 6),
        (KeyboardInterrupt(), 130),
        (click.UsageError("no"), 2),
    ],
)
def test_exit_codes(
    error: BaseException,
    code: int,
    command: Callable[[Callable[[], object]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command(raiser(error))
    assert front.main(["probe"]) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_bug_leaves_its_traceback_in_a_file(
    command: Callable[[Callable[[], object]], None],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".skerry").mkdir()
    command(raiser(ZeroDivisionError("oh")))
    assert front.main(["probe"]) == 70
    (report,) = (tmp_path / ".skerry").iterdir()
    assert "ZeroDivisionError: oh" in report.read_text()
    said = capsys.readouterr().err
    assert "error[bug.unexpected]: ZeroDivisionError: oh" in said
    assert f".skerry/{report.name}" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "program",
    [
        "import sys; from skerry.cli.main import main; sys.exit(main(['--help']))",
        # a command that writes without flushing: the pipe breaks when main does
        "import sys, types, click\n"
        "from skerry.cli import main as front, tree\n"
        "probe = types.ModuleType('probe')\n"
        "probe.command = click.Command('probe', callback=lambda: sys.stdout.write('x' * 99))\n"
        "sys.modules['probe'] = probe\n"
        "tree.COMMANDS['probe'] = ('probe', 'Probe')\n"
        "sys.exit(front.main(['probe']))",
    ],
    ids=["click writes", "a command writes"],
)
def test_a_reader_who_leaves_is_no_error(program: str) -> None:
    read, write = os.pipe()
    os.close(read)
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    ran = subprocess.run(
        [sys.executable, "-c", program],
        stdout=write,
        stderr=subprocess.PIPE,
        env=buffered | {"PYTHONPATH": SRC},
        check=False,
    )
    os.close(write)
    assert ran.stderr == b""


def test_the_front_door_is_light() -> None:
    """What `skerry --version` may not load: each costs more than the answer."""
    program = (
        "import sys; import skerry.cli.main; "
        "print([m for m in ('asyncio', 'cryptography', 'tree_sitter', 'logging.config', 'ssl') if m in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": SRC},
    )
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/p/.skerry"), "machine.file"),
        (PermissionError(errno.EACCES, "Permission denied", "/p/.skerry"), "machine.file"),
        (OSError(errno.ENOSPC, "No space left on device", "/p/.skerry/x"), "machine.file"),
        (OSError(errno.ENOSPC, "No space left on device"), "machine.output"),
    ],
)
def test_what_the_machine_refuses_is_no_bug_of_ours(
    error: OSError, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "mute", lambda: None)  # the test's own stdout stays
    said = front.outside(error)
    assert (said.code, said.exit_code) == (code, 2)
    assert "bug" not in said.hint


@pytest.mark.parametrize(
    ("redirection", "exit_code"), [(">&-", 0), ("2>&-", 0), (">/dev/full", 2), ("| head -c 1", 0)]
)
def test_an_output_that_cannot_be_written(redirection: str, exit_code: int) -> None:
    line = f"{sys.executable} -m skerry.cli.main --help {redirection}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line],
        env=dict(os.environ, PYTHONPATH=SRC),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stderr
    assert ("machine.output" in done.stderr) == (exit_code == 2)


@pytest.mark.parametrize(
    ("word", "meant"),
    [("stop", "down"), ("start", "up"), ("tail", "logs"), ("invalidate", "purge")],
)
def test_others_words_for_the_same(word: str, meant: str) -> None:
    assert front.unknown(word).hint == f"did you mean `skerry {meant}`?"


def test_no_word_of_others_is_one_of_ours() -> None:
    assert not set(OTHERS) & (set(COMMANDS) | set(LATER))
    assert set(OTHERS.values()) <= set(COMMANDS)


def test_help_is_a_word_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main(["help"]) == 0
    assert "Begin with:" in (said := capsys.readouterr().out)
    assert front.main(["--help"]) == 0
    assert capsys.readouterr().out == said
    assert front.main(["help", "down"]) == 0
    assert capsys.readouterr().out.startswith("Usage: skerry down ")
    assert front.main(["help", "downn"]) == 2
    assert "did you mean `skerry down`?" in capsys.readouterr().err


def test_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert front.main(["up", str(tmp_path / "none")]) == 2
    assert "Invalid value for PATH: Directory" in capsys.readouterr().err
