from __future__ import annotations

from skerry.base.finding import Place
from skerry.readers.resources.shape import Shape


def test_places_and_blocks() -> None:
    inner = Shape("k.b", Place("f", 4))
    shape = Shape("k", Place("f", 1), {"a": 1}, {"a": Place("f", 2)}, {"b": [inner]})
    assert shape.where("a") == Place("f", 2)
    assert shape.where("b") == Place("f", 4)
    assert shape.where("c") == Place("f", 1)
    assert shape.block("b") is inner
    assert shape.block("c") is None
    assert list(shape.walk()) == [shape, inner]
