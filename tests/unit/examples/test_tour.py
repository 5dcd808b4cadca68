"""What the tour is made of, as far as it can be tried without a shop: `tests/journey/test_demo.py` has the rest."""

from __future__ import annotations

import errno
import importlib
import io
import os
import shutil
import signal
import socket
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import tree

EXAMPLE = tree.ROOT / "examples" / "01-storefront"


@pytest.fixture
def tour(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """Its modules, found as demo.py finds them."""
    monkeypatch.syspath_prepend(EXAMPLE)
    names = ("screen", "shell", "stage", "steps", "viewer")
    yield {name: importlib.import_module(f"tour.{name}") for name in names}
    for name in [name for name in sys.modules if name.split(".")[0] == "tour"]:
        del sys.modules[name]


def test_ports_that_are_taken_are_others(
    tour: dict[str, ModuleType],
) -> None:
    stage = tour["stage"]
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        taken = held.getsockname()[1]
        assert not stage.free(taken)
        assert not stage.free(taken - 1, 2)
        chosen = stage.choose_ports({"api": taken, "graphql": taken})
    assert chosen["api"] > taken
    assert chosen["graphql"] > chosen["api"]


def test_the_copy_has_the_other_ports(tour: dict[str, ModuleType], tmp_path: Path) -> None:
    ports = {"http": 1080, "https": 1443, "api": 1900, "graphql": 1901}
    copied = tour["stage"].copy(tmp_path / "copy", ports)
    local = tomllib.loads((copied / "skerry.toml").read_text())["local"]
    assert (local["http_port"], local["https_port"]) == (1080, 1443)
    assert local["origin"]["api"] == "http://127.0.0.1:1900"
    assert local["origin"]["graphql.example.com"] == "http://127.0.0.1:1901"
    assert local["vars"]["api_key"] == "local-key"
    assert (copied / "lambda" / "request.py").is_file()


def test_ports_of_the_file_s_own_are_replaced(
    tour: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed = tmp_path / "shop"
    shutil.copytree(EXAMPLE, followed, ignore=shutil.ignore_patterns(".skerry", "__pycache__"))
    file = followed / "skerry.toml"
    mine = "[local]\nhttps_port = 9443\nhttp_port=9080  # mine\n"
    file.write_text(file.read_text().replace("[local]\n", mine))
    monkeypatch.setattr(tour["stage"], "EXAMPLE", followed)
    wished = tour["stage"].wishes()
    assert (wished["http"], wished["https"], wished["api"]) == (9080, 9443, 9000)
    ports = {"http": 1080, "https": 1443, "api": 1900, "graphql": 1901}
    copied = tour["stage"].copy(tmp_path / "copy", ports)
    local = tomllib.loads((copied / "skerry.toml").read_text())["local"]
    assert (local["http_port"], local["https_port"]) == (1080, 1443)
    file.write_text("[local\n")
    assert tour["stage"].wishes() == tour["stage"].WISHED


@pytest.mark.parametrize("number", [errno.EIO, errno.EPIPE])
def test_a_line_that_nobody_can_read_ends_the_tour(
    tour: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    class Gone(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(number, os.strerror(number))

    screen = tour["screen"]
    monkeypatch.setattr(screen.sys, "stdout", Gone())
    with pytest.raises(KeyboardInterrupt):
        screen.say("there?")
    screen.say("what comes after it goes nowhere")
    screen.sys.stdout.close()


def hung_up(stage: ModuleType, done: list[str]) -> None:
    """A terminal closes while a child is being born."""
    with stage.undisturbed():
        signal.raise_signal(signal.SIGHUP)
        done.append("noted")


def test_a_signal_waits_until_a_child_is_in_the_books(tour: dict[str, ModuleType]) -> None:
    stage, done = tour["stage"], []
    before = {signum: signal.getsignal(signum) for signum in stage.ENDING}
    try:
        stage.interruptible()
        with pytest.raises(KeyboardInterrupt):
            hung_up(stage, done)
        for signum in stage.ENDING:
            signal.raise_signal(signum)
        done.append("ended in peace")
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    assert done == ["noted", "ended in peace"]


def test_reduction_is_the_document_s(tour: dict[str, ModuleType]) -> None:
    assert tour["steps"].reduction([200.0] * 3, [10.0] * 3) == pytest.approx(95)


def test_every_step_has_a_title(tour: dict[str, ModuleType]) -> None:
    titles = [step.__doc__ for step in tour["steps"].STEPS]
    assert all(titles)
    assert len(set(titles)) == 10


def test_a_step_fails_in_words(tour: dict[str, ModuleType]) -> None:
    answer = tour["viewer"].Answer(500, {"X-Cache": "Error"}, "", 1.0)
    with pytest.raises(AssertionError, match=r"expected a hit \(status 500, X-Cache 'Error'\)"):
        tour["steps"].expect(answer.hit, "a hit", answer)
    tour["steps"].expect(True, "anything")


def test_a_command_is_written_for_where_one_stands(
    tour: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = tour["shell"]
    monkeypatch.setattr(shell, "HERE", tmp_path)
    monkeypatch.setattr(shell.shutil, "which", lambda _name: "/usr/bin/skerry")
    below, beside = tmp_path / "a shop", tmp_path.parent / "copy"
    assert shell.skerry("purge", "'/*'", project=below) == "skerry purge '/*' --at 'a shop'"
    assert shell.skerry("explain", "ID", project=beside) == f"skerry explain ID --at {beside}"
    assert shell.skerry("explain", "ID", project=tmp_path) == "skerry explain ID"
    monkeypatch.setattr(shell.shutil, "which", lambda _name: None)
    monkeypatch.setattr(shell.sys, "executable", str(tmp_path / "bin" / "python"))
    assert shell.skerry("trust").endswith("/bin/python -m skerry.cli.main trust")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "skerry").touch()
    assert shell.skerry("trust") == "bin/skerry trust"


def test_a_command_that_fails_says_so(tour: dict[str, ModuleType]) -> None:
    with pytest.raises(OSError, match=r"`echo why >&2; false` ended with 1:\nwhy"):
        tour["shell"].run("echo why >&2; false")


def test_lines_break_between_words_in_a_terminal(
    tour: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen, text = (
        tour["screen"],
        "  one " + "two-and-three " * 5 + "https://a.long.address/" + "x" * 40,
    )
    monkeypatch.setattr(screen.sys, "stdout", io.StringIO())
    assert screen.folded(text, 6) == [text], "a file has no width"
    monkeypatch.setattr(screen.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "56")
    lines = screen.folded(text, 6)
    assert [len(line) <= 50 for line in lines] == [True, True, False], lines
    assert lines[1].startswith("    two-and-three"), "what goes on stands deeper"
    assert lines[2] == "    https://a.long.address/" + "x" * 40, "an address stays whole"
    assert " ".join(" ".join(lines).split()) == " ".join(text.split())
    monkeypatch.setenv("COLUMNS", "9")
    assert len(screen.folded(text, 6)[0]) > 9, "narrower than 40 is no use"
    assert screen.folded("", 6) == [""]
