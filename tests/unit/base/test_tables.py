"""Tables: each can be loaded, and says at its head what it is."""

from __future__ import annotations

import pytest

from skerry.base import tables


@pytest.mark.parametrize("name", tables.names())
def test_every_table_loads_and_says_what_it_is(name: str) -> None:
    assert tables.load(name)
    assert len(tables.preface(name).split()) > 5


def test_a_table_is_read_once() -> None:
    assert tables.load("errors") is tables.load("errors")


def test_no_such_table() -> None:
    with pytest.raises(FileNotFoundError):
        tables.load("nothing")
