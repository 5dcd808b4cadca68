"""A project that runs: what the fixture starts, and that it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.errors import CallerError, ConfigError
from skerry.testing import running
from skerry.testing.plugin import Start
from tests.support import tiny
from tests.support.node import alive

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tiny").mkdir()
    return tiny.write(tmp_path / "tiny")


def test_a_project_runs_and_takes_an_edit(folder: Path, skerry_project: Start) -> None:
    shop = skerry_project(folder, replace={"./site": str(folder / "site")}, level="strict", pops=2)
    assert len(shop.pops) == 2
    assert shop.root != folder
    assert shop.ask("state")["level"] == "strict"
    first, again = shop.get("/"), shop.get("/")
    assert (first.status, first.cache, again.cache) == (200, "Miss", "Hit")
    assert shop.get("/", pop=shop.pops[1]).cache == "Miss"
    assert shop.get("/", tls=False).cache == "Hit"
    shop.purge("/")
    assert shop.get("/").cache == "Miss"
    shop.purge()
    assert shop.get("/").cache == "Miss"
    told = shop.skerry("explain", first.request_id)
    assert (told.returncode, told.stderr) == (0, "")
    assert "GET https://localhost" in told.stdout
    assert shop.port() != shop.port(tls=False)
    assert shop.ca.is_file()
    assert [code for code, level, _where in shop.findings if level == "error"] == []
    pid = shop.ask("status")["engines"][0]["pid"]
    shop.stop()
    shop.stop()
    assert not alive(pid)


def test_what_cannot_run_is_an_error_with_its_findings(folder: Path, tmp_path: Path) -> None:
    (folder / "main.tf").write_text("resource {")
    with pytest.raises(ConfigError) as failed:
        running.run(folder, tmp_path / "copy" / "tiny")
    assert [finding.code for finding in failed.value.findings][:1] == ["terraform.syntax"]


def test_a_text_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "skerry.toml"
    file.write_text("a = 1\nb = 1\n")
    running.exchange(file, {"= 1": "= 2"})
    assert file.read_text() == "a = 2\nb = 2\n"
    with pytest.raises(CallerError, match="no 'c'"):
        running.exchange(file, {"c": "d"})
    running.exchange(tmp_path / "none", {})


@pytest.mark.parametrize(
    ("where", "words"),
    [("origin X", "origin X"), ({"file": "a.tf", "line": 3}, "a.tf:3"), ({"file": "a.tf"}, "a.tf")],
)
def test_places(where: str | dict[str, object], words: str) -> None:
    assert running.place(where) == words
