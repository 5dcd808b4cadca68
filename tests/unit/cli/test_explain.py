"""Codes and reasons explain themselves offline."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from skerry.base import tables
from skerry.base.errors import CallerError
from skerry.cli.explain import command, error_codes, look_up, split


def test_every_code_and_reason_explains_itself() -> None:
    assert len(error_codes()) > 20
    for code in error_codes():
        result = CliRunner().invoke(command, [code])
        assert result.exit_code == 0
        assert result.output.startswith(f"{code} (")
    for group, reasons in tables.load("reasons").items():
        for reason in reasons:
            found = look_up(reason)
            assert found is not None
            assert found["reason"] == reason, group


def test_what_calls_of_functions_print_is_known() -> None:
    found = look_up("function.header_disallowed")
    assert found is not None
    assert found["todo"].startswith("Choose another name")


def test_a_close_miss() -> None:
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, ["node.port_in_us"], catch_exceptions=False)
    assert caught.value.hint == "did you mean node.port_in_use?"


@pytest.mark.parametrize("id", ["AbC123==", "-aXbHc" + "dE3_" * 12 + "=="])
def test_a_request_id_needs_a_run(tmp_path: Path, id: str) -> None:
    with pytest.raises(CallerError) as caught:
        CliRunner().invoke(command, [id, "--at", str(tmp_path)], catch_exceptions=False)
    assert caught.value.code == "control.not_running"


def test_headers() -> None:
    assert split("Accept-Encoding: br, gzip") == ("Accept-Encoding", "br, gzip")
    with pytest.raises(CallerError):
        split("nonsense")
