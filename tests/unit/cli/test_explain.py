"""Codes and reasons explain themselves offline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.base import reasons
from skerry.base.errors import CallerError
from skerry.cli.explain import command, split, whole_id


def test_every_code_and_reason_explains_itself() -> None:
    assert len(reasons.names()) > 100
    for word in reasons.names():
        result = CliRunner().invoke(command, [word])
        assert result.exit_code == 0
        assert result.output.startswith(f"{word} (")


def test_a_word_of_x_cache_as_it_stands_there() -> None:
    told = CliRunner().invoke(command, ["LambdaExecutionError from cloudfront"])
    assert told.output.startswith("LambdaExecutionError (outcome)\n  An edge function raised")


@pytest.mark.parametrize(
    ("what", "code", "hint"),
    [
        ("node.port_in_us", "explain.unknown_code", "did you mean node.port_in_use?"),
        ("origin-unmaped", "explain.unknown_code", "did you mean origin-unmapped?"),
        ("ORIGIN-UNMAPPED", "explain.unknown_code", "did you mean origin-unmapped?"),
        ("lambdaexecutionerror", "explain.unknown_code", "did you mean LambdaExecutionError?"),
        ("", "explain.unknown_code", "56 characters"),
        ("AbC123==", "explain.unknown_code", "56 characters"),
        ("ftp://x/", "explain.url", "write http://"),
        ("/index.html", "explain.url", "http://localhost:8080/index.html"),
        ("www.example.com/a", "explain.url", "write it whole: http://www.example.com/a"),
        ("http:///", "explain.url", "write http://"),
    ],
)
def test_what_is_nothing_that_we_know(what: str, code: str, hint: str) -> None:
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, [what], catch_exceptions=False)
    assert (caught.value.code, hint in caught.value.hint) == (code, True)


@pytest.mark.parametrize("id", ["A" * 54 + "==", "-aXbHc" + "dE3_" * 12 + "=="])
def test_a_request_id_needs_a_run(tmp_path: Path, id: str) -> None:
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, [id, "--at", str(tmp_path)], catch_exceptions=False)
    assert caught.value.code == "control.not_running"


def test_outside_of_a_project_the_way_out_is_an_option(tmp_path: Path) -> None:
    words = ["http://localhost:8080/", "--at", str(tmp_path)]
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, words, catch_exceptions=False)
    assert caught.value.hint.endswith("; of a project elsewhere, say --at FOLDER")


def test_headers() -> None:
    assert split("Accept-Encoding: br, gzip") == ("Accept-Encoding", "br, gzip")
    with pytest.raises(CallerError):
        split("nonsense")


def test_an_id_as_a_terminal_shows_it_is_looked_up_in_the_logs(tmp_path: Path) -> None:
    folder = tmp_path / ".skerry" / "log"
    folder.mkdir(parents=True)
    whole = "-3xVjU3M7o3B" + "x" * 42 + "=="
    (folder / "us-east.log").write_text(json.dumps({"time_ms": 1, "request_id": whole}) + "\n")
    assert whole_id(tmp_path, whole[:12]) == whole
    assert whole_id(tmp_path, "B3xVjU3M7o3B") == ""
    with pytest.raises(CallerError) as caught:  # an id it is: what is missing is a run to ask
        CliRunner().invoke(command, [whole[:12], "--at", str(tmp_path)], catch_exceptions=False)
    assert caught.value.code == "control.not_running"
