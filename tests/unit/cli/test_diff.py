from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from skerry.cli.diff import RUNNING
from skerry.cli.main import main
from skerry.readers import project
from tests.support.files import TOML, distribution, write


def running(folder: Path) -> None:
    write(folder, {"main.tf": distribution(), "skerry.toml": TOML})
    (folder / RUNNING).parent.mkdir(parents=True)
    (folder / RUNNING).write_bytes(msgspec.json.encode(project.read(folder, environment={})))


def test_nothing_has_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running(tmp_path)
    assert main(["diff", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "nothing has changed\n"


def test_something_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running(tmp_path)
    write(tmp_path, {"main.tf": distribution(top='comment = "new"')})
    assert main(["diff", str(tmp_path)]) == 0
    assert capsys.readouterr().out == '~ distribution main → comment: "" → new\n'
    assert main(["diff", str(tmp_path), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["changes"][0]["path"] == "distribution main → comment"


def test_files_that_cannot_be_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running(tmp_path)
    write(tmp_path, {"main.tf": distribution() + "x = [\n"})
    assert main(["diff", str(tmp_path)]) == 2
    assert "what runs stays" in capsys.readouterr().err


def test_errors_stand_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running(tmp_path)
    write(tmp_path, {"main.tf": distribution(top='comment = "new"'), "other.tf": "x = [\n"})
    assert main(["diff", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == "", "what could not be read would be told as gone"
    assert "error[" in said.err


def test_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", str(tmp_path)]) == 2
    assert "diff.nothing_runs" in capsys.readouterr().err


def test_another_version_wrote_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running(tmp_path)
    (tmp_path / RUNNING).write_text('{"root": 1}')
    assert main(["diff", str(tmp_path)]) == 2
    assert "diff.unreadable" in capsys.readouterr().err
