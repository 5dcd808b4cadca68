"""Terraform's values in Python, and the conversions between them (hashicorp/terraform, language/expressions/types).

null → None, bool → bool, number → int or Decimal, string → str, list and tuple → list, set → `Set`,
map and object → dict in the order of keys; and `Unknown`, for what only an apply would tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Literal

import msgspec

from skerry.base.finding import Place
from skerry.readers import quote

Why = Literal["computed", "undeclared", "no_value", "unsupported", "failed"]


class Unknown(msgspec.Struct, frozen=True):
    """A value that cannot be known here; it flows through every expression.

    reference  what was asked for (`aws_lb.api.dns_name`)
    root       the thing that would have to exist or have a value (`aws_lb.api`): one finding each
    why        computed: by the cloud · undeclared: nowhere written · no_value: a variable without one ·
               unsupported: we do not do that · failed: an error that a finding has told already
    place      where it was asked for
    message    more about why, one sentence, or empty
    """

    reference: str
    root: str
    why: Why
    place: Place
    message: str = ""
    hint: str = ""


class Set(list[object]):
    """A set: no value twice, in the order of values. A list in every other way, but it has no indices."""


class Namespace:
    """A name that has attributes but is no value yet: `var`, `aws_s3_bucket`, `module.site`.

    whole: the name as a value, where it is one. owner: the instance of a resource that it names.
    """

    def __init__(
        self,
        name: str,
        attribute: Callable[[str, Place], object],
        whole: Callable[[], object] | None = None,
        owner: object = None,
    ) -> None:
        self.name = name
        self.attribute = attribute
        self.whole = whole
        self.owner = owner


class Names:
    """Names and keys, as messages list them: without quotes."""

    def __init__(self, found: Iterable[str]) -> None:
        self.found = list(found)

    def __str__(self) -> str:
        return ", ".join(self.found) or "none"


class Wrong(Exception):
    """An expression that Terraform would refuse. message: why.

    values: what stands for `{0}`, `{1}` … in message and hint. Only `told` quotes them: `message` and
    `hint` never do, since a value may have come through a variable.
    """

    def __init__(self, message: str, hint: str = "", values: tuple[object, ...] = ()) -> None:
        self._parts = (message, hint)
        self._values = tuple(quote.value(one) for one in values)
        self.message, self.hint = self.told(quote.HIDDEN)
        super().__init__(self.message)

    def told(self, instead: str | None) -> tuple[str, str]:
        """Message and hint, with what is said in place of the values; None: the values themselves."""
        if not self._values:
            return self._parts
        shown = [one if instead is None else instead for one in self._values]
        message, hint = self._parts
        return message.format(*shown), hint.format(*shown)


def kind(value: object) -> str:
    """The value's type in Terraform's words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | Decimal):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Set):
        return "set"
    if isinstance(value, list):
        return "list"
    if isinstance(value, dict):
        return "object"
    return "unknown value" if isinstance(value, Unknown) else "reference"


def plain(value: Decimal | int) -> int | Decimal:
    """A number in its shortest form: integral ones are int."""
    if isinstance(value, Decimal):
        if value == value.to_integral_value():
            return int(value)
        return value.normalize()
    return value


def show(value: int | Decimal) -> str:
    """A number as Terraform writes it: never with an exponent."""
    value = plain(value)
    return str(value) if isinstance(value, int) else format(value, "f")


def text(value: object) -> str:
    """Conversion to string. Raises Wrong."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return show(value)
    raise Wrong(f"a string is required, this is a {kind(value)}")


def number(value: object) -> int | Decimal:
    """Conversion to number. Raises Wrong."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise Wrong(f"a number is required, this is a {kind(value)}")
    if isinstance(value, str):
        try:
            found = Decimal(value)
        except ArithmeticError:
            raise Wrong("a number is required, {0} is none", values=(value,)) from None
        if not found.is_finite() or value != value.strip() or "_" in value:
            raise Wrong("a number is required, {0} is none", values=(value,))
        return plain(found)
    return plain(value)


def whole(value: object) -> int:
    """Conversion to a whole number. Raises Wrong."""
    found = number(value)
    if not isinstance(found, int):
        raise Wrong("a whole number is required, not {0}", values=(found,))
    return found


def boolean(value: object) -> bool:
    """Conversion to bool. Raises Wrong."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise Wrong(f"true or false is required, this is a {kind(value)}")


def sequence(value: object) -> list[object]:
    """A list, tuple or set. Raises Wrong."""
    if isinstance(value, list):
        return value
    raise Wrong(f"a list is required, this is a {kind(value)}")


def mapping(value: object) -> dict[str, object]:
    """A map or object. Raises Wrong."""
    if isinstance(value, dict):
        return value
    raise Wrong(f"a map is required, this is a {kind(value)}")


def ordered(items: Iterable[tuple[str, object]]) -> dict[str, object]:
    """A map: Terraform goes through maps in the order of their keys, by code point."""
    return dict(sorted(dict(items).items()))


def rank(value: object) -> tuple[int, object]:
    """Where a value stands in a set: by type, numbers by size, all else by their text."""
    if isinstance(value, bool):
        return (0, value)
    if isinstance(value, int | Decimal):
        return (1, Decimal(value))
    if isinstance(value, str):
        return (2, value)
    return (3, repr(value))


def as_set(values: Iterable[object]) -> Set:
    """No value twice, in order."""
    found: list[object] = []
    for value in unified(list(values)):
        if not any(same(value, other) for other in found):
            found.append(value)
    return Set(sorted(found, key=rank))


def unified(values: list[object]) -> list[object]:
    """The elements of a list have one type: a string among primitives makes strings of them all."""
    primitives = [value for value in values if isinstance(value, str | bool | int | Decimal)]
    kinds = {kind(value) for value in primitives}
    if len(kinds) < 2 or len(primitives) + values.count(None) < len(values):
        return values
    if "string" in kinds:
        return [value if value is None else text(value) for value in values]
    raise Wrong(
        "the elements of a list must be of one type, these are " + " and ".join(sorted(kinds))
    )


def same(left: object, right: object) -> bool:
    """Terraform's ==: values of different types are never equal."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        if isinstance(left, Set) != isinstance(right, Set) or len(left) != len(right):
            return False
        return all(same(one, other) for one, other in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right and kind(left) == kind(right)


def unknown_in(value: object) -> Unknown | None:
    """The first unknown in a value, however deep."""
    if isinstance(value, Unknown):
        return value
    parts: Iterable[object] = ()
    if isinstance(value, list):
        parts = value
    elif isinstance(value, dict):
        parts = value.values()
    for part in parts:
        found = unknown_in(part)
        if found is not None:
            return found
    return None
