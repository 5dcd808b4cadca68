from __future__ import annotations

import json
from pathlib import Path

import pytest

from skerry.base.finding import Finding, Place
from skerry.cli.check import annotation, fails, summary, unsaid
from skerry.cli.main import main
from tests.support.files import TOML, distribution, write


def test_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"main.tf": distribution(), "skerry.toml": TOML})
    assert main(["check", str(tmp_path)]) == 0
    assert capsys.readouterr().err == "0 errors, 0 warnings, 0 notes in 2 files\n"


def test_bad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"main.tf": distribution() + "x = [\n", "skerry.toml": TOML})
    assert main(["check", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "error[terraform.syntax]: expected a value, but the file ends\n  main.tf:" in said.err


@pytest.mark.parametrize(
    ("http", "https", "said"),
    [
        (8080, 8080, "port 8080, wanted for https of us-east, is also that for http of us-east"),
        (8080, 8082, "is also that for"),
        (8080, 65534, "port 65536, wanted for https of ap-south, does not exist"),
    ],
)
def test_ports_that_up_would_refuse(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], http: int, https: int, said: str
) -> None:
    own = f"http_port = {http}\nhttps_port = {https}\n"
    toml = (
        TOML.replace("[local]\n", f"[local]\n{own}")
        if "[local]\n" in TOML
        else TOML + f"[local]\n{own}"
    )
    write(tmp_path, {"main.tf": distribution(), "skerry.toml": toml})
    assert main(["check", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "error[node.ports]: port " in told
    assert said in told
    assert f"[local] http_port = {http}, https_port = {https}" in told


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        tmp_path,
        {"main.tf": distribution(top='price_class = "PriceClass_100"'), "skerry.toml": TOML},
    )
    assert main(["check", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["good"], said["distributions"], said["files"]) == (
        True,
        ["main"],
        ["skerry.toml", "main.tf"],
    )
    assert said["findings"][0]["where"] == {"file": "main.tf", "line": 2, "column": 1}


@pytest.mark.parametrize(("level", "code"), [("strict", 2), ("warn", 0), ("relaxed", 0)])
def test_levels(tmp_path: Path, level: str, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"main.tf": distribution(top="tags = { a = b.c.d }"), "skerry.toml": TOML})
    assert main(["check", str(tmp_path), "--level", level]) == code
    assert "1 warning," in capsys.readouterr().err


def test_github(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"main.tf": "x = [\n"})
    assert main(["check", str(tmp_path), "--format", "github"]) == 2
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("::error file=main.tf,line=")
    odd = Finding("a.b", "note", Place("p.json (a.b[0])"), "50% of\nit", "h")
    assert annotation(odd) == "::notice file=p.json,title=a.b::50%25 of%0Ait%0Ah"
    assert annotation(Finding("a.b", "error", "somewhere", "m")) == "::error::m"


def test_counts() -> None:
    findings = [Finding("a.b", "warning", "x", "m")] * 2 + [Finding("a.b", "note", "x", "m")]
    assert summary(findings) == "0 errors, 2 warnings, 1 note"
    assert fails(findings, "strict")
    assert not fails(findings, "warn")


def test_nothing_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 2
    assert "project.not_found" in capsys.readouterr().err


def test_what_the_readers_have_told_is_not_told_again() -> None:
    here, there = Finding("a.b", "error", "x", "m"), Finding("a.b", "error", "y", "other words")
    assert unsaid([there, Finding("c.d", "error", "x", "m")], [here]) == [
        Finding("c.d", "error", "x", "m")
    ]
