"""The table of parts holds together."""

from __future__ import annotations

from importlib.util import find_spec

from skerry.node.parts import PARTS


def test_every_part_can_be_found_and_needs_parts_that_exist() -> None:
    names = {part.name for part in PARTS}
    for part in PARTS:
        assert find_spec(part.module) is not None
        assert set(part.needs) <= names - {part.name}
        assert part.name in part.listens
        assert part.per_pop or not {"http", "https"} & set(part.listens)


def test_engines_stop_before_those_they_need() -> None:
    rounds = {part.name: part.stop for part in PARTS}
    assert rounds["engine"] < min(rounds["launcher"], rounds["control"])
