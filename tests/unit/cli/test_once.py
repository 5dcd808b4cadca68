"""Notes that are told once a project."""

from __future__ import annotations

from pathlib import Path

from skerry.cli.once import untold


def test_once_and_again_when_the_cause_is_another(tmp_path: Path) -> None:
    file = tmp_path / "told"
    shared = {"code": "function.shared_user", "message": "not root"}
    other = {"code": "origin.unmapped", "message": "api"}
    assert untold([shared, other], file) == [shared, other]
    assert untold([shared, other], file) == [other]
    moved = {"code": "function.shared_user", "message": "cannot read /home"}
    assert untold([moved], file) == [moved]
    assert untold([shared], file) == []


def test_a_file_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    shared = {"code": "function.shared_user", "message": "not root"}
    for _start in range(2):
        assert untold([shared], tmp_path / "gone" / "told") == [shared]
