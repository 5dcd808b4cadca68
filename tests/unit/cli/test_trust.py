from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.cli import trust, untrust
from skerry.trust import store


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system store that is no system's, and a home of our own. The real store is never touched."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setattr(store, "SYSTEM_STORES", ((shelf, ("true",)),))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return shelf


def test_trust_then_untrust_leaves_nothing_behind(shelf: Path, tmp_path: Path) -> None:
    trusted = CliRunner().invoke(trust.command, [], standalone_mode=False)
    assert trusted.return_value == 0
    (held,) = shelf.iterdir()
    assert held.read_bytes() == (tmp_path / "data" / "skerry" / "ca.crt").read_bytes()
    assert str(held) in trusted.output

    kept = CliRunner().invoke(untrust.command, [], input="n\n")
    assert kept.exit_code == 1
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


def test_a_dry_run_takes_no_step(shelf: Path) -> None:
    shown = CliRunner().invoke(trust.command, ["--dry-run"], standalone_mode=False)
    assert "would copy" in shown.output
    assert list(shelf.iterdir()) == []


def test_json_is_one_object_and_a_refusing_store_an_exit_code(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SYSTEM_STORES", ((shelf, ("false",)),))
    told = CliRunner().invoke(trust.command, ["--json"], standalone_mode=False)
    result = json.loads(told.output)
    assert told.return_value == 4
    assert len(result["fingerprint_sha256"]) == 64
    assert [step["problem"] for step in result["steps"]] == ["", "exit code 1"]
