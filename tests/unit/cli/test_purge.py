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
