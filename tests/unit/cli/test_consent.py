"""Yes, no, and nobody there."""

from __future__ import annotations

import io

import click
import pytest

from skerry.base.errors import CallerError
from skerry.cli.consent import ask


@pytest.mark.parametrize(
    ("said", "raised"),
    [("y\n", None), ("n\n", click.Abort), ("\n", click.Abort), ("", CallerError)],
)
def test_answers(
    said: str, raised: type[Exception] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    if raised is None:
        ask("remove it?")
        return
    with pytest.raises(raised):
        ask("remove it?")
