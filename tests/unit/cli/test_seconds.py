"""Which durations a command takes."""

from __future__ import annotations

import click
import pytest

from skerry.cli.seconds import Seconds


@pytest.mark.parametrize(("word", "seconds"), [("0", 0.0), ("2.5", 2.5), ("86400", 86400.0)])
def test_good(word: str, seconds: float) -> None:
    assert Seconds()(word, None, None) == seconds


@pytest.mark.parametrize("word", ["-1", "nan", "inf", "86401", "soon", ""])
def test_bad(word: str) -> None:
    with pytest.raises(click.BadParameter):
        Seconds()(word, None, None)
