from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.base.errors import CallerError
from skerry.cli import trust, untrust


def test_trust_then_untrust_leaves_nothing_behind(shelf: Path, tmp_path: Path) -> None:
    trusted = CliRunner().invoke(trust.command, [], standalone_mode=False)
    assert trusted.return_value == 0
    (held,) = shelf.iterdir()
    assert held.read_bytes() == (tmp_path / "data" / "skerry" / "ca.crt").read_bytes()
    assert str(held) in trusted.output

    kept = CliRunner().invoke(untrust.command, [], input="n\n")
    assert kept.exit_code == 1
    assert held.exists()
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(untrust.command, [], input="", catch_exceptions=False)
    assert (caught.value.code, "--yes" in caught.value.hint) == ("cli.no_answer", True)
    assert held.exists()

    gone = CliRunner().invoke(untrust.command, ["--yes"], standalone_mode=False)
    assert gone.return_value == 0
    assert f"remove {held}" in gone.output
    assert "ca.key" in gone.output
    assert list(shelf.iterdir()) == []
    assert list((tmp_path / "data" / "skerry").iterdir()) == []

    again = CliRunner().invoke(untrust.command, [], standalone_mode=False)
    assert again.return_value == 0
    assert "nothing to remove" in again.output


def test_a_dry_run_removes_nothing(shelf: Path) -> None:
    CliRunner().invoke(trust.command, [], standalone_mode=False)
    shown = CliRunner().invoke(untrust.command, ["--dry-run"], standalone_mode=False)
    assert "would remove" in shown.output
    assert len(list(shelf.iterdir())) == 1
