from __future__ import annotations

from skerry.base.finding import Place
from skerry.readers.terraform.parse import parse
from skerry.readers.terraform.syntax import Source


def test_places_count_from_one_and_in_characters() -> None:
    source = Source("a.tf", "ä = 1\n\nb = 2\n")
    assert source.place(0) == Place("a.tf", 1, 1)
    assert source.place(4) == Place("a.tf", 1, 5)
    assert source.place(7) == Place("a.tf", 3, 1)
    assert source.place(len(source.text)) == Place("a.tf", 4, 1)


def test_attributes_and_blocks_know_where_they_stand() -> None:
    body, _ = parse(Source("a.tf", 'x "y" {\n  z = 1\n}\n'))
    assert body.blocks[0].place == Place("a.tf", 1, 1)
    assert body.blocks[0].body.attributes["z"].place == Place("a.tf", 2, 3)
