from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.cli import trust
from skerry.trust import store


def test_the_store_gets_the_ca_and_the_person_its_fingerprint(shelf: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(trust.command, [], standalone_mode=False)
    (held,) = shelf.iterdir()
    assert told.return_value == 0
    assert held.read_bytes() == (tmp_path / "data" / "skerry" / "ca.crt").read_bytes()
    assert "SHA-256" in told.output


def test_a_dry_run_takes_no_step(shelf: Path) -> None:
    shown = CliRunner().invoke(trust.command, ["--dry-run"], standalone_mode=False)
    assert "would copy" in shown.output
    assert "would run true" in shown.output
    assert list(shelf.iterdir()) == []


def test_a_dry_run_makes_no_ca(shelf: Path, tmp_path: Path) -> None:
    shown = CliRunner().invoke(trust.command, ["--dry-run"], standalone_mode=False)
    made = tmp_path / "data" / "skerry" / "ca.crt"
    assert f"would make a local CA: {made}" in shown.output
    assert not made.parent.exists()
    told = CliRunner().invoke(trust.command, ["--dry-run", "--json"], standalone_mode=False)
    assert json.loads(told.output)["fingerprint_sha256"] == ""
    CliRunner().invoke(trust.command, [], standalone_mode=False)
    again = CliRunner().invoke(trust.command, ["--dry-run"], standalone_mode=False)
    assert "SHA-256" in again.output


def test_json_is_one_object_and_a_refusing_store_an_exit_code(
    shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "SYSTEM_STORES", ((shelf, ("false",)),))
    told = CliRunner().invoke(trust.command, ["--json"], standalone_mode=False)
    result = json.loads(told.output)
    assert told.return_value == 4
    assert len(result["fingerprint_sha256"]) == 64
    assert [step["problem"] for step in result["steps"]] == ["", "exit code 1"]
