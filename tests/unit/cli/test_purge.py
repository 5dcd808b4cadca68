"""`skerry purge` where nothing runs; with a run it is tried in test_status."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.base.errors import CallerError
from skerry.cli.purge import command


@pytest.mark.parametrize(
    ("words", "code"),
    [([], "purge.nothing"), (["/a*b"], "purge.wildcard"), (["/a"], "control.not_running")],
)
def test_refusals(tmp_path: Path, words: list[str], code: str) -> None:
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, [*words, "--at", str(tmp_path)], catch_exceptions=False)
    assert caught.value.code == code


def test_a_folder_that_was_meant_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, ["shop"], catch_exceptions=False)
    assert (caught.value.code, "`--at shop`" in caught.value.hint) == ("purge.relative", True)


def test_outside_of_a_project_the_way_out_is_an_option(tmp_path: Path) -> None:
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, ["/a", "--at", str(tmp_path)], catch_exceptions=False)
    assert caught.value.hint.endswith("; of a project elsewhere, say --at FOLDER")
