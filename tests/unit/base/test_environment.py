"""Variables and what they say."""

from __future__ import annotations

import pytest

from skerry.base import environment


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1", True),
        ("yes", True),
        ("", False),
        ("0", False),
        ("No", False),
        (" off ", False),
        ("false", False),
    ],
)
def test_flag(text: str, says: bool) -> None:
    assert environment.flag("X", source={"X": text}) is says


def test_read() -> None:
    assert environment.read("X", source={"X": "a"}) == "a"
    assert environment.read("Y", "b", source={}) == "b"
    assert environment.flag("Y", source={}) is False


def test_the_process_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKERRY_PYTHON", "x")
    assert environment.read("SKERRY_PYTHON") == "x"
