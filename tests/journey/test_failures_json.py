"""`--json` of every command that reads: it parses, and has the keys that docs/reference/json.md promises."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.base import tables
from tests.support import hostile
from tests.support.hostile import ask, skerry
from tests.support.wait import until

pytestmark = pytest.mark.slow

# objects whose inside another page describes, or that has none: engines' counters, a record in an explanation
OPEN = {"engines[].status", "explained"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    root = tmp_path_factory.mktemp("journey") / "hostile"
    port = hostile.write(root)
    with hostile.running(root):
        yield root, port


def keys(value: object, path: str = "") -> Iterator[str]:
    """Every key, as the table writes them."""
    if isinstance(value, dict):
        for key, inner in value.items():
            name = f"{path}.{key}" if path else key
            yield name
            yield from keys(inner, name)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item, f"{path}[]")


def hold(page: str, value: object) -> None:
    """The object has the page's keys: all of the first level, and no other on any."""
    promised = tables.load("json")[page]
    found = set(keys(value))
    closed = {key for key in found if not any(key.startswith((f"{o}.", f"{o}[")) for o in OPEN)}
    finding = {key for key in closed if "findings[]" in key or "rejected[]" in key}
    assert closed - finding <= set(promised), f"{page}: not on the page"
    missing = {key for key in promised if "." not in key and "[" not in key} - found
    assert not missing, f"{page}: promised and not there"
    inside = {key for key in promised if key.rpartition(".")[0] in found} - found
    assert not inside, f"{page}: promised and not there"


COMMANDS = [
    ("status", ["status"], 0),
    ("explain_code", ["explain", "origin-unmapped"], 0),
    ("explain_reason", ["explain", "no-store"], 0),
    ("explain_url", ["explain", "http://localhost/"], 0),
    ("purge", ["purge", "/*"], 0),
    ("doctor", ["doctor"], 2),  # the handler of `gone` is missing
    ("check", ["check"], 2),
    ("diff", ["diff"], 0),
]


@pytest.mark.parametrize(("page", "words", "exit_code"), COMMANDS)
def test_one_object(project: tuple[Path, int], page: str, words: list[str], exit_code: int) -> None:
    root, _port = project
    done = skerry(root, *words, "--json")
    assert done.stdout.count("\n") == 1, done.stderr
    hold(page, json.loads(done.stdout))
    assert done.returncode in (0, exit_code)


def test_logs_and_explanations_of_requests(project: tuple[Path, int]) -> None:
    root, port = project
    seen = ask(port, "/fn/raises")

    def told() -> list[dict[str, object]]:
        lines = [json.loads(line) for line in skerry(root, "logs", "--json").stdout.splitlines()]
        mine = [line for line in lines if line["request_id"] == seen.request_id]
        return mine if len(mine) == 2 else []

    by_kind = {"text" in line: line for line in until(told, within_s=10, what="both are logged")}
    hold("logs", by_kind[False])
    hold("logs_of_functions", by_kind[True])
    explained = json.loads(skerry(root, "explain", seen.request_id, "--json").stdout)
    hold("explain_request", explained)
    assert set(explained["explained"]) == {*tables.load("json")["logs"], "steps"}


def test_an_error_leaves_stdout_empty(tmp_path: Path) -> None:
    for words in (["status"], ["diff"], ["explain", "http://x/"], ["purge", "/*"], ["logs"]):
        done = skerry(tmp_path, *words, "--json")
        assert (done.stdout, done.returncode) == ("", 2 if words == ["diff"] else 3)
        assert done.stderr.startswith("error[")
