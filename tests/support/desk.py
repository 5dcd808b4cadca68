"""Where pages are tried out: a folder with the examples, `skerry` on the path, a home and ports of its own."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import transcript, tree

PORTS = 4  # one for each of three PoPs, and one to spare
STEP_S_MAX = 60


@dataclass
class Desk:
    """folder: where commands are typed. http, https: what stands for 8080 and 8443."""

    folder: Path
    env: dict[str, str]
    http: int
    https: int

    def follow(self, page: str) -> None:
        """Type every command of a page, and compare what it shows. AssertionError with both texts."""
        steps = transcript.steps(own_ports(page, self.http, self.https))
        assert steps, "the page shows no command at all"
        for step in steps:
            if differs := transcript.difference(step, self.type(step.command)):
                raise AssertionError(differs)

    def type(self, command: str) -> str:
        """Run a command; all that it prints."""
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=STEP_S_MAX,
        ).stdout


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


@contextmanager
def desk(folder: Path) -> Iterator[Desk]:
    """Lay one out; what was started on it ends with it."""
    http = free_ports(20_000 + os.getpid() % 10_000)
    https = free_ports(http + 100)
    ignored = shutil.ignore_patterns(".skerry", "__pycache__")
    shutil.copytree(tree.ROOT / "examples", folder / "examples", ignore=ignored)
    for project in folder.rglob("skerry.toml"):
        text = project.read_text()
        if "http_port" not in text:
            text = text.replace("[local]\n", "[local]\nhttp_port = 8080\nhttps_port = 8443\n")
        project.write_text(own_ports(text, http, https))
    (folder / "bin").mkdir()
    script = folder / "bin" / "skerry"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m skerry.cli.main "$@"\n')
    script.chmod(0o755)
    env = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(tree.ROOT / "src"),
        "HOME": str(folder),
        "NO_COLOR": "1",
    }
    env.pop("XDG_DATA_HOME", None)  # pages show where the CA is for most people
    made = Desk(folder, env, http, https)
    try:
        yield made
    finally:
        for state in folder.rglob(".skerry"):
            made.type(f"skerry down '{state.parent}'")
