"""status, purge, logs, explain, down and reset on one run, as a person would go through them."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.node import environment, fetch
from tests.support.shop import skerry, write
from tests.support.terminal import terminal


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("shop")
    write(root)
    done = skerry(root, "up", "--detach", "--wait")
    assert done.returncode == 0, done.stderr
    yield root
    skerry(root, "down")


def test_status(project: Path) -> None:
    done = skerry(project, "status")
    assert done.returncode == 0, done.stderr
    first, _blank, heading, *_rows = done.stdout.splitlines()
    assert first == "shop version 1 (cloudfront, warn)"
    assert heading.split()[:7] == ["pop", "at", "url", "requests", "req/s", "hit", "%"]
    assert "engine-eu-west" in done.stdout
    found = json.loads(skerry(project, "status", "--json").stdout)
    assert [pop["name"] for pop in found["pops"]] == ["us-east", "eu-west"]
    assert {part["state"] for part in found["parts"]} == {"ready"}


@pytest.mark.parametrize("columns", [80, 120])
def test_status_in_a_terminal(project: Path, columns: int) -> None:
    words = [sys.executable, "-m", "skerry.cli.main", "status"]
    with terminal(words, project, environment() | {"NO_COLOR": "1"}, columns=columns) as shown:
        said = shown.end()
    lines = said.splitlines()
    assert max(map(len, lines)) <= columns, said
    assert len([line for line in lines if line.startswith("us-east ")]) == (
        2 if columns == 80 else 1
    )


def test_purge(project: Path) -> None:
    done = skerry(project, "purge", "/img/*")
    assert done.returncode == 0, done.stderr
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["eu-west", "us-east"]
    assert "sequence" not in done.stdout, "PoPs count by themselves: differences read like a fault"
    assert "checked when next asked for" in done.stdout
    assert "checked" not in skerry(project, "purge", "/*").stdout, "everything is every object"
    answer = json.loads(skerry(project, "purge", "/a", "--json").stdout)
    assert answer["pending"] == []
    assert all(each["sequence"] and each["purged"] is None for each in answer["done"])
    everything = json.loads(skerry(project, "purge", "/*", "--json").stdout)
    assert all(each["purged"] == each["held"] for each in everything["done"])
    assert skerry(project, "purge").returncode == 3
    assert skerry(project, "purge", "/a", "--pop", "mars").returncode == 3


def test_a_purge_that_is_not_everywhere_says_so(project: Path) -> None:
    parts = json.loads((project / ".skerry" / "run" / "parts.json").read_text())["parts"]
    pid = parts["engine-eu-west"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        done = skerry(project, "purge", "/a", "--timeout-s", "0.2")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert done.returncode == 6
    assert "not yet purged on eu-west" in done.stderr
    assert done.stdout.startswith("us-east: purged")


def test_explain(project: Path) -> None:
    port = json.loads((project / "skerry.toml").read_text())["local"]["http_port"]
    done = skerry(project, "explain", f"http://127.0.0.1:{port + 1}/a", "-H", "Accept: */*")
    assert done.returncode == 0, done.stderr
    assert " at eu-west" in done.stdout.splitlines()[0]
    assert "lookup" in done.stdout
    unknown = skerry(project, "explain", "N" * 54 + "==")
    assert (unknown.returncode, "explain.unknown_request" in unknown.stderr) == (3, True)


def test_doctor(project: Path) -> None:
    done = skerry(project, "doctor", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["run"]["good"], checks["run"]
    assert checks["ports"]["found"] == "held by the run"
    assert {"kernel", "descriptors", "disk", "core", "interpreter", "project"} < set(checks)
    assert fetch(json.loads((project / "skerry.toml").read_text())["local"]["http_port"])
