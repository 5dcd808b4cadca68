"""A resource with its arguments evaluated: what all readers produce."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from skerry.base.finding import Place
from skerry.readers.terraform.value import Unknown

Value = object  # see terraform/value.py


class Shape(msgspec.Struct):
    """A block. kind: its path in the table of arguments (`aws_cloudfront_distribution.origin`)."""

    kind: str
    place: Place
    values: dict[str, Value] = {}
    places: dict[str, Place] = {}
    blocks: dict[str, list[Shape]] = {}

    def where(self, name: str) -> Place:
        """Where an argument or block stands; where the block stands when it is not there."""
        if name in self.places:
            return self.places[name]
        found = self.blocks.get(name)
        return found[0].place if found else self.place

    def block(self, name: str) -> Shape | None:
        """The block of that name, of which there is at most one."""
        found = self.blocks.get(name)
        return found[0] if found else None

    def all(self, name: str) -> list[Shape]:
        """Every block of that name."""
        return self.blocks.get(name, [])

    def walk(self) -> Iterator[Shape]:
        """This block and all below it."""
        yield self
        for blocks in self.blocks.values():
            for block in blocks:
                yield from block.walk()


class Resource(msgspec.Struct):
    """A resource or data source.

    address  as Terraform writes it (`module.site.aws_cloudfront_distribution.main[0]`)
    name     the last part of it, without an index
    folder   relative paths in it start there
    ids      what others call it: its id, ARN and the like, as far as they are known or were made up
    """

    address: str
    type: str
    name: str
    shape: Shape
    folder: Path
    mode: Literal["managed", "data"] = "managed"
    ids: dict[str, str] = {}


class Reading(msgspec.Struct):
    """What a reader found. unknown: made-up values by the unknown they stand for are in the shapes themselves."""

    resources: list[Resource] = []
    undeclared: list[Unknown] = []
