"""README's console blocks do what they show, all but the two commands that have tests of their own."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import transcript, tree

PORTS = 4  # one for each of three PoPs, and one to spare
STEP_S_MAX = 60


def free_ports(after: int) -> int:
    """The first of PORTS neighbouring ports that nobody has."""
    for base in range(after, 60_000, 50):
        holders = [socket.socket() for _ in range(PORTS)]
        try:
            for number, holder in enumerate(holders):
                holder.bind(("127.0.0.1", base + number))
        except OSError:
            continue
        else:
            return base
        finally:
            for holder in holders:
                holder.close()
    raise AssertionError("no free ports")


def own_ports(text: str, http: int, https: int) -> str:
    """A page's ports, or a project file's, moved to free ones."""
    for number in range(PORTS):
        text = re.sub(rf"\b{8080 + number}\b", str(http + number), text)
        text = re.sub(rf"\b{8443 + number}\b", str(https + number), text)
    return text


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str], int, int]]:
    """A folder with the examples, `skerry` on the path, and ports of our own."""
    http = free_ports(20_000 + os.getpid() % 10_000)
    https = free_ports(http + 100)
    if (tree.ROOT / "examples").is_dir():
        shutil.copytree(
            tree.ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns(".skerry")
        )
    for project in tmp_path.rglob("skerry.toml"):
        text = project.read_text()
        if "http_port" not in text:
            text = text.replace("[local]\n", "[local]\nhttp_port = 8080\nhttps_port = 8443\n")
        project.write_text(own_ports(text, http, https))
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "skerry"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m skerry.cli.main "$@"\n')
    script.chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(tree.ROOT / "src"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "NO_COLOR": "1",
    }
    yield tmp_path, env, http, https
    for state in tmp_path.rglob(".skerry"):
        subprocess.run([script, "down"], cwd=state.parent, env=env, check=False, timeout=STEP_S_MAX)


@pytest.mark.timeout(300)
def test_the_page_does_what_it_shows(desk: tuple[Path, dict[str, str], int, int]) -> None:
    folder, env, http, https = desk
    page = own_ports(tree.text(Path("README.md")), http, https)
    steps = transcript.steps(page)
    assert steps, "README shows no command at all"
    for step in steps:
        ran = subprocess.run(
            ["bash", "-c", step.command],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=STEP_S_MAX,
        )
        assert not transcript.difference(step, ran.stdout)


def test_the_two_commands_stand_first() -> None:
    page = tree.text(Path("README.md"))
    assert page.index("make demo") < page.index("make test")
    assert {"demo:", "test:"} <= set(
        re.findall(r"^\w+:", tree.text(Path("Makefile")), re.MULTILINE)
    )


def test_every_block_is_run() -> None:
    fences = re.findall(r"^ *```(\S*)", tree.text(Path("README.md")), re.MULTILINE)[::2]
    assert set(fences) <= {"console", "text"}, (
        "a block that is no console is not run; `text` is for pictures"
    )


@pytest.mark.parametrize(
    ("output", "shown", "same"),
    [
        (["skerry …"], "skerry 0.1.0\n", True),
        (["skerry …"], "skerry 0.1.0\nmore\n", False),
        (["a", "…", "z"], "a\nb\nc\nz", True),
        (["a", "…", "z"], "a\nz\n", True),
        (["a", "…"], "b\n", False),
        (["x (1.5 s)"], "x (1.5 s)\r\n", True),
        ([], "", True),
        ([], "surprise\n", False),
    ],
)
def test_output_is_compared(output: list[str], shown: str, same: bool) -> None:
    assert (transcript.difference(transcript.Step("x", output), shown) == "") is same


def test_commands_are_found() -> None:
    page = "text\n```console\n$ make demo   # a tour\n$ one \\\n  two\nout\n```\n```\n$ not this\n```\n"
    assert transcript.steps(page) == [transcript.Step("one \\\n  two", ["out"])]
