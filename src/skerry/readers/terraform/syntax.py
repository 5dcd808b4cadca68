"""What an HCL file consists of: bodies, attributes, blocks and expressions, each with its offset."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property

import msgspec

from skerry.base.finding import Place


class Source:
    """One file's text, and the way from an offset to line and column (both from 1)."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        at = self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def place(self, at: int) -> Place:
        """The place of an offset in characters."""
        line = bisect_right(self._starts, at)
        return Place(self.file, line, at - self._starts[line - 1] + 1)


class Expr(msgspec.Struct, frozen=True, gc=False):
    """Any expression. at: offset of its first character in its source."""

    at: int


class Literal(Expr, frozen=True):
    """null, true, 12.5 or a string without holes."""

    value: object


class Template(Expr, frozen=True):
    """A string with holes. A template of exactly one hole yields that hole's value unconverted."""

    parts: tuple[Expr, ...]
    heredoc: bool = False


class TemplateIf(Expr, frozen=True):
    """%{ if } … %{ else } … %{ endif }."""

    condition: Expr
    then: Template
    otherwise: Template


class TemplateFor(Expr, frozen=True):
    """%{ for key, value in collection } … %{ endfor }."""

    key: str
    value: str
    collection: Expr
    body: Template


class TupleExpr(Expr, frozen=True):
    """[a, b]."""

    items: tuple[Expr, ...]


class ObjectExpr(Expr, frozen=True):
    """{ a = b }. A bare identifier as a key is a literal already."""

    items: tuple[tuple[Expr, Expr], ...]


class Variable(Expr, frozen=True):
    """The first name of a reference, or a name that a `for` has bound."""

    name: str


class GetAttr(Expr, frozen=True):
    """on.name."""

    on: Expr
    name: str


class Index(Expr, frozen=True):
    """on[key]."""

    on: Expr
    key: Expr


class Splat(Expr, frozen=True):
    """on[*].rest: `each` is evaluated for every element, which it knows as the variable `*`."""

    on: Expr
    each: Expr


class Call(Expr, frozen=True):
    """name(arguments); expand: the last argument is a list of arguments (`...`)."""

    name: str
    arguments: tuple[Expr, ...]
    expand: bool = False


class For(Expr, frozen=True):
    """[for …] (key_result is None) or {for …}. group: `...` behind the value."""

    key: str
    value: str
    collection: Expr
    key_result: Expr | None
    result: Expr
    condition: Expr | None = None
    group: bool = False


class Unary(Expr, frozen=True):
    """-a, !a."""

    operator: str
    operand: Expr


class Binary(Expr, frozen=True):
    """a + b."""

    operator: str
    left: Expr
    right: Expr


class Conditional(Expr, frozen=True):
    """a ? b : c."""

    condition: Expr
    then: Expr
    otherwise: Expr


class Attribute(msgspec.Struct, frozen=True):
    """name = value. start, end: of the value, in its source."""

    name: str
    value: Expr
    source: Source
    at: int
    start: int = 0
    end: int = 0

    @property
    def written(self) -> str:
        """The value as it stands in the file."""
        return self.source.text[self.start : self.end].strip()

    @property
    def place(self) -> Place:
        """Where the argument's name stands."""
        return self.source.place(self.at)


class Body(msgspec.Struct):
    """What stands in a file or between braces."""

    attributes: dict[str, Attribute]
    blocks: list[Block]


class Block(msgspec.Struct, frozen=True):
    """kind "label" … { body }."""

    kind: str
    labels: tuple[str, ...]
    body: Body
    source: Source
    at: int

    @property
    def place(self) -> Place:
        """Where the block's first word stands."""
        return self.source.place(self.at)


class SyntaxFault(Exception):
    """Something else than HCL allows stands at `at`. message: expected what, found what.

    last: what follows cannot be told apart from what is at fault (a heredoc without an end).
    """

    def __init__(self, at: int, message: str, hint: str = "", *, last: bool = False) -> None:
        super().__init__(message)
        self.at = at
        self.message = message
        self.hint = hint
        self.last = last
