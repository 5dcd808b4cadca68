"""Where pages are tried out: a folder with the examples, `skerry` on the path, a home and ports of its own."""

from __future__ import annotations

import os
import re
import select
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import transcript, tree

PORTS = 4  # one for each of three PoPs, and one to spare
BLOCK_S_MAX = 60


@dataclass
class Desk:
    """folder: where commands are typed. commands: where `skerry` lies.

    http, https, api: what stands for 8080, 8443 and 9000.
    """

    folder: Path
    env: dict[str, str]
    http: int
    https: int
    api: int
    commands: Path

    def follow(self, page: str, *, on_path: bool = True) -> None:
        """Paste every block of a page into one shell, and compare what it prints. AssertionError with both texts.

        on_path: whether that shell knows `skerry`; False: the page itself has to say how it comes to know it.
        """
        steps = transcript.steps(own_ports(page, self.http, self.https, self.api))
        assert steps, "the page shows no command at all"
        with self.shell(on_path) as paste:
            for step in steps:
                if differs := transcript.difference(step, paste(step.command)):
                    raise AssertionError(differs)

    @contextmanager
    def shell(self, on_path: bool = True) -> Iterator[Callable[[str], str]]:
        """One shell: gives back what a pasted text printed. A `cd` or an `export` in it is kept."""
        block, printed = self.folder / ".block", self.folder / ".printed"
        env = self._knowing() if on_path else self.env
        with subprocess.Popen(
            ["bash"],
            cwd=self.folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as bash:
            assert bash.stdin is not None
            assert bash.stdout is not None

            def paste(text: str) -> str:
                block.write_text(f"{text}\n")
                run = f"{{ . '{block}'; }} >'{printed}' 2>&1 </dev/null; echo done\n"
                bash.stdin.write(run)  # type: ignore[union-attr]  # see the assertions above
                bash.stdin.flush()  # type: ignore[union-attr]  # see above
                if not select.select([bash.stdout], [], [], BLOCK_S_MAX)[0]:
                    raise AssertionError(f"no end after {BLOCK_S_MAX} s:\n{text}")
                said = bash.stdout.readline()  # type: ignore[union-attr]  # see above
                assert said == "done\n", f"the shell ended:\n{text}\n{printed.read_text()}"
                return printed.read_text()

            try:
                yield paste
            finally:
                bash.kill()

    def type(self, command: str) -> str:
        """Run a command in a shell of its own; all that it prints."""
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self._knowing(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=BLOCK_S_MAX,
        ).stdout

    def _knowing(self) -> dict[str, str]:
        return {**self.env, "PATH": f"{self.commands}:{self.env['PATH']}"}


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


def own_ports(text: str, http: int, https: int, api: int) -> str:
    """A page's ports, or a project file's, moved to free ones."""
    for number in range(PORTS):
        text = re.sub(rf"\b{9000 + number}\b", str(api + number), text)
        text = re.sub(rf"\b{8080 + number}\b", str(http + number), text)
        text = re.sub(rf"\b{8443 + number}\b", str(https + number), text)
    return text


@contextmanager
def desk(folder: Path) -> Iterator[Desk]:
    """Lay one out; what was started on it ends with it."""
    http = free_ports(20_000 + os.getpid() % 10_000)
    https = free_ports(http + 100)
    api = free_ports(https + 100)
    ignored = shutil.ignore_patterns(".skerry", "__pycache__")
    shutil.copytree(tree.ROOT / "examples", folder / "examples", ignore=ignored)
    for project in folder.rglob("skerry.toml"):
        # whatever its file says: whoever works here may have moved the example's ports
        text = re.sub(r"^[ \t]*https?_port[ \t]*=.*\n", "", project.read_text(), flags=re.MULTILINE)
        own = f"[local]\nhttp_port = {http}\nhttps_port = {https}\n"
        project.write_text(own_ports(text.replace("[local]\n", own), http, https, api))
    commands = folder / ".venv" / "bin"  # where `make` puts it
    commands.mkdir(parents=True)
    script = commands / "skerry"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m skerry.cli.main "$@"\n')
    script.chmod(0o755)
    env = {
        **os.environ,
        "PATH": without_skerry(os.environ["PATH"]),
        "PYTHONPATH": str(tree.ROOT / "src"),
        "HOME": str(folder),
        "NO_COLOR": "1",
    }
    env.pop("XDG_DATA_HOME", None)  # pages show where the CA is for most people
    made = Desk(folder, env, http, https, api, commands)
    try:
        yield made
    finally:
        for state in folder.rglob(".skerry"):
            made.type(f"skerry down '{state.parent}'")


def without_skerry(path: str) -> str:
    """A search path on which the checkout's own environment is not."""
    return ":".join(each for each in path.split(":") if not (Path(each) / "skerry").exists())
