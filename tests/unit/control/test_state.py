"""Choosing PoPs; the rest of what control tells is tried in test_service."""

from __future__ import annotations

import asyncio

import pytest

from skerry.base.errors import CallerError
from skerry.control.engines import EngineLink
from skerry.control.state import chosen, counters, statuses
from skerry.pop.rates import Rates


async def links() -> dict[str, EngineLink]:
    return {name: EngineLink(name, f"{name}.sock", "t") for name in ("a", "b")}


def test_choosing() -> None:
    made = asyncio.run(links())
    assert [link.pop for link in chosen(made, [])] == ["a", "b"]
    assert [link.pop for link in chosen(made, ["b"])] == ["b"]
    with pytest.raises(CallerError, match="no PoP c"):
        chosen(made, ["b", "c"])


def test_an_engine_that_is_away_is_told_not_raised() -> None:
    async def look() -> tuple[dict[str, float], list[dict[str, object]]]:
        made = await links()
        return await counters(made["a"]), await statuses(made, Rates(lambda: 0.0))

    numbers, rows = asyncio.run(look())
    assert numbers == {}
    assert [(row["pop"], row["error"]) for row in rows] == [
        ("a", "PoP a: it is restarting"),
        ("b", "PoP b: it is restarting"),
    ]
