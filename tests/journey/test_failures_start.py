"""Starting, stopping and asking where something is in the way: files, ports, remains, terminals, Ctrl-C."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from skerry.cli.tree import COMMANDS
from tests.support import hostile, tiny
from tests.support.hostile import ask, environment, skerry
from tests.support.node import alive, family, free_ports
from tests.support.wait import until

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The smallest project, on free ports. Whatever a test starts there has ended after it."""
    root = tmp_path / "tiny"
    root.mkdir()
    tiny.write(root)
    move(root, free_ports(6))
    return root


def move(root: Path, first: int, more: str = "") -> None:
    """Put its PoPs on these ports."""
    (root / "skerry.toml").write_text(
        f'format = 1\nname = "tiny"\n[local]\nhttp_port = {first}\nhttps_port = {first + 3}\n{more}'
        '[local.origin]\nsite = "./site"\n'
    )


def port_of(root: Path) -> int:
    """Where its first PoP listens."""
    found = re.search(r"http_port = (\d+)", (root / "skerry.toml").read_text())
    assert found is not None
    return int(found[1])


def pid_of(root: Path) -> int:
    """The init of a run."""
    return int((root / ".skerry" / "run" / "lock").read_text())


# ---------------------------------------------------------------- what is written


BROKEN = [
    ("main.tf", 'resource "x" "y" {\n  a = = 1\n', "terraform.syntax", "main.tf:2:7"),
    ("main.tf", 'resource "x" "y" {\n', "terraform.syntax", "main.tf:2:1"),
    ("main.tf", "\x00\x01\x02", "terraform.syntax", "main.tf:1:1"),
    ("main.tf", "", "project.empty", ""),
    ("skerry.toml", "[local\n", "toml.syntax", "skerry.toml:1"),
    ("skerry.toml", "format = 2\n", "toml.value", "skerry.toml:1:1"),
    ("skerry.toml", "[local]\nhttp_port = 'x'\n", "toml.type", "skerry.toml:2:1"),
    ("skerry.toml", "reads = ['gone']\n", "reads.missing", "skerry.toml:1:1"),
    ("skerry.toml", "[local.origin]\nsite = 'ftp://x'\n", "origin.target", "site"),
    ("skerry.toml", "[local.origin]\nsite = './gone'\n", "origin.no_folder", "site"),
    ("skerry.toml", "[local]\npop.'../x' = { at = 'iad' }\n", "toml.value", "skerry.toml:2"),
]


@pytest.mark.parametrize(("file", "text", "code", "where"), BROKEN)
def test_what_is_written_wrong_has_code_and_place(
    project: Path, file: str, text: str, code: str, where: str
) -> None:
    (project / file).write_text(text)
    for words in (["check"], ["up", "--detach", "--wait"]):
        done = skerry(project, *words)
        assert done.returncode == 2, done.stderr
        assert f"error[{code}]: " in done.stderr
        assert where in done.stderr
        assert "Traceback" not in done.stderr
    assert skerry(project, "status").returncode == 3, "nothing was started"


def test_a_bad_edit_keeps_what_runs(project: Path) -> None:
    with hostile.running(project):
        good = (project / "main.tf").read_text()
        (project / "main.tf").write_text(good + "oops {\n")

        def told() -> subprocess.CompletedProcess[str] | None:
            done = skerry(project, "status")
            return done if "the last edit was not taken" in done.stderr else None

        said = until(told, within_s=10, what="status tells of the edit")
        assert "error[terraform.syntax]" in said.stderr
        assert ask(port_of(project), "/index.html").status == 200
        compared = skerry(project, "diff")
        assert (compared.returncode, compared.stdout) == (2, ""), "not everything would go"
        (project / "main.tf").write_text(good)
        until(lambda: "last edit" not in skerry(project, "status").stderr, within_s=10)


# ---------------------------------------------------------------- what is in the way


def test_a_port_in_use_is_named_with_who_has_it(project: Path) -> None:
    with socket.create_server(("127.0.0.1", port_of(project))):
        done = skerry(project, "up", "--detach", "--wait")
    assert done.returncode == 2
    assert f"error[node.port_in_use]: port {port_of(project)} on 127.0.0.1" in done.stderr
    assert f"pid {os.getpid()}" in done.stderr
    assert "http_port" in done.stderr
    assert skerry(project, "up", "--detach", "--wait").returncode == 0, "what failed left nothing"
    assert skerry(project, "down").returncode == 0


def test_ports_that_overlap_or_do_not_exist(project: Path) -> None:
    first = port_of(project)
    text = (project / "skerry.toml").read_text()
    for line in (f"https_port = {first + 1}", "https_port = 65534"):
        (project / "skerry.toml").write_text(re.sub(r"https_port = \d+", line, text))
        done = skerry(project, "up", "--detach", "--wait")
        assert (done.returncode, "error[node.ports]: port " in done.stderr) == (2, True), (
            done.stderr
        )


@pytest.mark.parametrize("address", ["999.1.1.1", "203.0.113.9", "no such host", ""])
def test_an_address_that_is_not_ours(project: Path, address: str) -> None:
    done = skerry(project, "up", "--detach", "--wait", "--bind", address)
    assert done.returncode == 2
    assert re.search(r"error\[node\.(bind|address_refused)\]", done.stderr)


@pytest.mark.parametrize(
    "in_the_way",
    ["log/us-east.log/x", "log/functions.log/x", "log/node.log/x", "tls", "run", "log", ""],
)
def test_a_folder_of_the_state_that_cannot_be_used(project: Path, in_the_way: str) -> None:
    """A folder for a file or a file for a folder: like permissions, and root meets it too."""
    path = project / ".skerry" / in_the_way
    if in_the_way.endswith("/x"):
        path.mkdir(parents=True)
    else:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    done = skerry(project, "up", "--detach", "--wait")
    assert done.returncode == 2, done.stderr
    assert f"error[machine.file]: {str(path).removesuffix('/x')} cannot be used: " in done.stderr
    for words in (["status"], ["explain", "http://x/"], ["purge", "/*"]):
        assert skerry(project, *words).returncode == 3


def test_two_projects_at_once(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    tiny.write(other)
    move(other, port_of(project))
    with hostile.running(project):
        refused = skerry(other, "up", "--detach", "--wait")
        assert (refused.returncode, "node.port_in_use" in refused.stderr) == (2, True)
        move(other, free_ports(6))
        with hostile.running(other):
            assert ask(port_of(other), "/index.html").status == 200
        assert ask(port_of(project), "/index.html").status == 200


# ---------------------------------------------------------------- starting and stopping


def test_up_twice_down_twice(project: Path) -> None:
    with hostile.running(project):
        again = skerry(project, "up", "--detach")
        assert again.returncode == 2
        assert (
            f"error[node.already_running]: this project runs already (pid {pid_of(project)})"
            in again.stderr
        )
        assert ask(port_of(project), "/index.html").status == 200
    last = skerry(project, "down")
    assert (last.returncode, "nothing ran" in last.stderr) == (0, True)
    for words in (["status"], ["purge", "/*"], ["explain", "A" * 54 + "=="]):
        done = skerry(project, *words)
        assert (done.returncode, "error[control.not_running]" in done.stderr) == (3, True)
    assert skerry(project, "logs").returncode == 0, "what was logged can still be read"


def test_what_a_killed_run_leaves_is_no_hindrance(project: Path) -> None:
    assert skerry(project, "up", "--detach", "--wait").returncode == 0
    below = family(pid_of(project))
    os.kill(pid_of(project), signal.SIGKILL)
    until(lambda: not [pid for pid in below if alive(pid)], within_s=10, what="all of it has ended")
    assert (project / ".skerry" / "run" / "control.sock").exists(), "it could not tidy up"
    assert skerry(project, "status").returncode == 3
    assert skerry(project, "down").returncode == 0
    with hostile.running(project):
        assert ask(port_of(project), "/index.html").status == 200


@pytest.mark.parametrize(
    "sign", ["lock", "node.json", "node.log", "control.sock", "snapshot-us-east.json"]
)
def test_ctrl_c_while_it_starts(project: Path, sign: str) -> None:
    """Interrupted as soon as each of the files appears that a start makes, one after another."""
    process = subprocess.Popen(
        [sys.executable, "-m", "skerry.cli.main", "up"],
        cwd=project,
        env=environment(project.parent / "home"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    state = project / ".skerry"
    until(
        lambda: (state / "run" / sign).exists() or (state / "log" / sign).exists(),
        within_s=20,
        what=f"{sign} is there",
    )
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode in (0, 130)  # 0: it was up already, and was ended in order
    assert "Traceback" not in said
    assert "bug" not in said
    assert skerry(project, "status").returncode == 3, "nothing of it stays"
    with socket.create_server(("127.0.0.1", port_of(project))):
        pass


# ---------------------------------------------------------------- the command line


@pytest.mark.parametrize("name", COMMANDS)
def test_wrong_words_for_each_command(project: Path, name: str) -> None:
    for words in (["--no-such-option"], ["--json=maybe"], ["a", "b", "c", "--bogus"]):
        done = skerry(project, name, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error[cli.usage]: ")
        assert f"`skerry {name} --help` shows how it is called" in done.stderr
    helped = skerry(project, name, "--help")
    assert (helped.returncode, helped.stdout.startswith(f"Usage: skerry {name}")) == (0, True)


WORDS = [
    (["frobnicate"], 2, "cli.unknown_command"),
    (["statsu"], 2, "cli.unknown_command"),
    (["deploy"], 2, "cli.later"),
    (["--bogus"], 2, "cli.usage"),
    (["logs", "-n", "many"], 2, "cli.usage"),
    (["logs", "-n", "-1"], 2, "cli.usage"),
    (["logs", "--pop", "nix"], 3, "logs.nothing"),
    (["purge"], 3, "purge.nothing"),
    (["purge", "/a*b"], 3, "purge.wildcard"),
    (["purge", "/*", "--timeout-s", "-1"], 2, "cli.usage"),
    (["purge", "/*", "--timeout-s", "nan"], 2, "cli.usage"),
    (["down", "--timeout-s", "soon"], 2, "cli.usage"),
    (["up", "--level", "mad"], 2, "cli.usage"),
    (["up", "--pop", "nix"], 3, "pop.unknown"),
    (["up", "--pop", "0"], 3, "pop.unknown"),
    (["up", "/no/such/folder"], 2, "cli.usage"),
    (["check", "--format", "xml"], 2, "cli.usage"),
    (["explain"], 2, "cli.usage"),
    (["explain", "no-such-code"], 3, "explain.unknown_code"),
    (["explain", "ftp://x/"], 3, "explain.url"),
    (["init"], 2, "init.exists"),
    (["diff"], 2, "diff.nothing_runs"),
]


@pytest.mark.parametrize(("words", "exit_code", "code"), WORDS)
def test_words_that_make_no_sense(
    project: Path, words: list[str], exit_code: int, code: str
) -> None:
    done = skerry(project, *words)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert f"error[{code}]: " in done.stderr
    assert f"see: skerry explain {code}" in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.parametrize("name", ["up", "check", "init", "doctor"])
def test_an_empty_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    done = skerry(tmp_path / "empty", name)
    assert done.returncode == 2
    missing = (
        "there is no Terraform with a distribution in" if name == "init" else "nothing to read in"
    )
    assert missing in done.stdout + done.stderr
    assert list((tmp_path / "empty").iterdir()) == []


def test_colours_are_for_terminals_and_for_whom_they_please(project: Path) -> None:
    def on_a_terminal(**variables: str) -> str:
        ours, theirs = pty.openpty()
        done = subprocess.run(
            [sys.executable, "-m", "skerry.cli.main", "frobnicate"],
            cwd=project,
            env=environment(project.parent / "home")
            | {"TERM": "xterm", "NO_COLOR": ""}
            | variables,
            stderr=theirs,
            stdout=theirs,
            check=False,
        )
        os.close(theirs)
        said = os.read(ours, 65536).decode()
        os.close(ours)
        assert done.returncode == 2
        return said

    assert "\x1b[" in on_a_terminal()
    assert "\x1b[" not in on_a_terminal(NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal(TERM="dumb")
    assert "\x1b[" not in skerry(project, "frobnicate").stderr


def test_a_reader_that_leaves(project: Path) -> None:
    log = project / ".skerry" / "log" / "us-east.log"
    log.parent.mkdir(parents=True)
    line = {"time_ms": 0, "method": "GET", "path": "/" + "x" * 200, "request_id": "r"}
    log.write_text((json.dumps(line) + "\n") * 1000)
    command = (
        f"{sys.executable} -m skerry.cli.main logs -n 1000 | head -n 1; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=project,
        env=environment(project.parent / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
