"""A resource with its arguments evaluated: what all readers produce."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from skerry.base.finding import Place
from skerry.readers import quote

Value = object  # see terraform/value.py


class Shape(msgspec.Struct):
    """A block. kind: its path in the table of arguments (`aws_cloudfront_distribution.origin`).

    hidden: arguments whose value came through a variable, and what findings quote instead.
    """

    kind: str
    place: Place
    values: dict[str, Value] = {}
    places: dict[str, Place] = {}
    blocks: dict[str, list[Shape]] = {}
    hidden: dict[str, str] = {}

    def where(self, name: str) -> Place:
        """Where an argument or block stands; where the block stands when it is not there."""
        if name in self.places:
            return self.places[name]
        found = self.blocks.get(name)
        return found[0].place if found else self.place

    def shown(self, name: str, value: object) -> str:
        """The value of an argument, or a part of it, as a finding may quote it."""
        written = self.hidden.get(name)
        return quote.value(value) if written is None else quote.expression(written)

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


class Resource:
    """A resource or data source.

    address  as Terraform writes it (`module.site.aws_cloudfront_distribution.main[0]`)
    name     the last part of it, without an index
    folder   relative paths in it start there
    ids      what others call it: its id, ARN and the like, as far as they are known or were made up

    The shape may be handed over as a function: what is wrong with a function's arguments is nobody's
    concern before a behavior calls it.
    """

    def __init__(
        self,
        address: str,
        type: str,
        name: str,
        shape: Shape | Callable[[], Shape],
        folder: Path,
        mode: Literal["managed", "data"] = "managed",
        ids: dict[str, str] | None = None,
    ) -> None:
        self.address = address
        self.type = type
        self.name = name
        self.folder = folder
        self.mode = mode
        self.ids = ids or {}
        self._shape = shape

    @property
    def shape(self) -> Shape:
        """Its arguments, evaluated."""
        if not isinstance(self._shape, Shape):
            self._shape = self._shape()
        return self._shape
