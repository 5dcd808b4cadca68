"""Expressions → values (hashicorp/hcl, hclsyntax/spec.md; operators as Terraform's core has them).

Pure but for the functions that read files, which go through the scope's folder. An unknown operand makes the
result unknown; a wrong one raises `Fault` with the place, which the caller makes a finding of.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Protocol

from skerry.base.finding import Place
from skerry.readers import quote
from skerry.readers.terraform import syntax as s
from skerry.readers.terraform.trace import Through, Trace
from skerry.readers.terraform.value import (
    Names,
    Namespace,
    Set,
    Unknown,
    Wrong,
    boolean,
    kind,
    number,
    ordered,
    plain,
    same,
    text,
    unified,
    whole,
)

DIGITS = 60  # of a quotient; Terraform computes with 512 bits


class Fault(Exception):
    """An expression that Terraform would refuse, and where."""

    def __init__(self, place: Place, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


class Scope(Protocol):
    """What names mean. `folder`: relative paths start there; `read` remembers a file that was read.

    trace: whether variables have a part in what is being computed.
    """

    folder: Path
    trace: Trace

    def name(self, name: str, place: Place) -> object:
        """What the first name of a reference stands for. Raises Wrong."""

    def read(self, path: Path) -> bytes:
        """A file's content. Raises Wrong."""


class Evaluator:
    """Evaluates the expressions of one source in one scope. `local`: names that `for` has bound."""

    def __init__(
        self, scope: Scope, source: s.Source, local: Mapping[str, object] | None = None
    ) -> None:
        self.scope = scope
        self.source = source
        self.local: Mapping[str, object] = local or {}

    def place(self, expr: s.Expr) -> Place:
        """Where an expression stands."""
        return self.source.place(expr.at)

    def value(self, expr: s.Expr) -> object:
        """The value of an expression. Raises Fault."""
        found = self.partial(expr)
        if isinstance(found, Namespace):
            if found.whole is not None:
                return found.whole()
            raise Fault(
                self.place(expr),
                f"`{found.name}` is no value by itself",
                "say which attribute of it",
            )
        return found

    def partial(self, expr: s.Expr) -> object:
        """A value, or a Namespace that needs an attribute yet."""
        try:
            return EVALUATE[type(expr)](self, expr)
        except Wrong as wrong:
            told = wrong.told(self.scope.trace.instead)
            raise Fault(self.place(expr), *told) from None

    def bound(self, names: Mapping[str, object]) -> Evaluator:
        """The same scope with further names."""
        return Evaluator(self.scope, self.source, {**self.local, **names})

    # References

    def literal(self, expr: s.Literal) -> object:
        return expr.value

    def variable(self, expr: s.Variable) -> object:
        if expr.name in self.local:
            found = self.local[expr.name]
            if isinstance(found, Through):
                self.scope.trace.touch(found.level)
            return found
        return self.scope.name(expr.name, self.place(expr))

    def get_attr(self, expr: s.GetAttr) -> object:
        return attribute(self.partial(expr.on), expr.name, self.place(expr))

    def index(self, expr: s.Index) -> object:
        on = self.partial(expr.on)
        key = self.value(expr.key)
        if isinstance(key, Unknown):
            return key
        if isinstance(on, Namespace) and isinstance(key, str):
            return self.named(on, key, expr)
        if isinstance(on, Namespace):
            on = self.value(expr.on)
        if isinstance(on, Unknown):
            return extended(on, f"[{self.scope.trace.instead or quote.value(key)}]")
        if isinstance(on, Set):
            raise Wrong("the elements of a set have no indices", "make a list of it with tolist()")
        if isinstance(on, list):
            at = whole(key)
            if not 0 <= at < len(on):
                raise Wrong(f"there is no element {{0}} in a list of {len(on)}", values=(at,))
            return on[at]
        if isinstance(on, dict):
            name = text(key)
            if name not in on:
                raise Wrong("the map has no key {0}", "it has: {1}", (name, Names(on)))
            return on[name]
        raise Wrong(f"a {kind(on)} has no elements")

    def named(self, on: Namespace, key: str, expr: s.Index) -> object:
        """on["key"], where the key may have come through a variable and then stands in no reference."""
        if self.scope.trace.instead is None:
            return attribute(on, key, self.place(expr))
        try:
            found = attribute(on, key, self.place(expr))
        except Wrong:
            raise Wrong(f"`{on.name}` has no such attribute") from None
        if not isinstance(found, Unknown):
            return found
        reference = f"{on.name}[{self.scope.trace.instead}]"
        return Unknown(reference, on.name, found.why, self.place(expr))

    def splat(self, expr: s.Splat) -> object:
        on = self.value(expr.on)
        if isinstance(on, Unknown):
            return extended(on, "[*]")
        if on is None:
            return []
        items = on if isinstance(on, list) else [on]
        return [self.bound({"*": item}).value(expr.each) for item in items]

    # Collections

    def listed(self, expr: s.TupleExpr) -> object:
        return [self.value(item) for item in expr.items]

    def mapped(self, expr: s.ObjectExpr) -> object:
        items: list[tuple[str, object]] = []
        for key, item in expr.items:
            name = self.value(key)
            if isinstance(name, Unknown):
                return name
            if name is None:
                raise Fault(self.place(key), "the key of an object cannot be null")
            items.append((text(name), self.value(item)))
        return ordered(items)

    def comprehension(self, expr: s.For) -> object:
        collection = self.value(expr.collection)
        if isinstance(collection, Unknown):
            return collection
        rows: list[tuple[object, object]] = []
        for key, item in pairs(collection):
            inner = self.bound(
                {expr.key: key, expr.value: item} if expr.key else {expr.value: item}
            )
            keep = True if expr.condition is None else inner.value(expr.condition)
            if isinstance(keep, Unknown):
                return keep
            if not boolean(keep):
                continue
            name = None if expr.key_result is None else inner.value(expr.key_result)
            if isinstance(name, Unknown):
                return name
            rows.append((name, inner.value(expr.result)))
        return (
            [result for _, result in rows] if expr.key_result is None else keyed(rows, expr.group)
        )

    # Operators

    def unary(self, expr: s.Unary) -> object:
        operand = self.value(expr.operand)
        if isinstance(operand, Unknown):
            return operand
        return not boolean(operand) if expr.operator == "!" else plain(-number(operand))

    def binary(self, expr: s.Binary) -> object:
        if expr.operator in ("&&", "||"):
            return self.logic(expr)
        left, right = self.value(expr.left), self.value(expr.right)
        for side in (left, right):
            if isinstance(side, Unknown):
                return side
        if expr.operator in ("==", "!="):
            return same(left, right) is (expr.operator == "==")
        return arithmetic(expr.operator, number(left), number(right))

    def logic(self, expr: s.Binary) -> object:
        """&& and ||: one side that settles it is enough, whatever is unknown or fails on the other.

        As Terraform has it, null is false for && and an error for ||, and a side that is no bool is
        an error even where the other one settles it.
        """
        settles = expr.operator == "||"
        settled = False
        fault: Fault | None = None
        unknown: Unknown | None = None
        for side in (expr.left, expr.right):
            try:
                value = self.value(side)
            except Fault as found:
                fault = fault or found
                continue
            if isinstance(value, Unknown):
                unknown = unknown or value
            elif value is None and settles:
                fault = fault or Fault(self.place(side), "null is neither true nor false")
            elif value is None or boolean(value) is settles:
                settled = True
        if settled:
            return settles
        if fault is not None:
            raise fault
        return unknown if unknown is not None else not settles

    def conditional(self, expr: s.Conditional) -> object:
        condition = self.value(expr.condition)
        if isinstance(condition, Unknown):
            return condition
        chosen, other = (
            (expr.then, expr.otherwise) if boolean(condition) else (expr.otherwise, expr.then)
        )
        result = self.value(chosen)
        try:  # both arms have one type, so that the other one can make a string of this one
            return unified([result, self.value(other)])[0]
        except (Fault, Wrong):
            return result

    # Calls and strings

    def call(self, expr: s.Call) -> object:
        from skerry.readers.terraform.functions.table import call  # functions evaluate templates

        return call(self, expr)

    def template(self, expr: s.Template) -> object:
        if (
            len(expr.parts) == 1
            and not expr.heredoc
            and not isinstance(expr.parts[0], s.Literal | s.TemplateIf | s.TemplateFor)
        ):
            return self.value(expr.parts[0])
        pieces: list[str] = []
        for part in expr.parts:
            found = self.template(part) if isinstance(part, s.Template) else self.value(part)
            if isinstance(found, Unknown):
                return found
            if found is None:
                raise Fault(self.place(part), "null cannot be part of a string")
            pieces.append(text(found))
        return "".join(pieces)

    def template_if(self, expr: s.TemplateIf) -> object:
        condition = self.value(expr.condition)
        if isinstance(condition, Unknown):
            return condition
        return self.joined(expr.then if boolean(condition) else expr.otherwise)

    def template_for(self, expr: s.TemplateFor) -> object:
        collection = self.value(expr.collection)
        if isinstance(collection, Unknown):
            return collection
        pieces: list[str] = []
        for key, item in pairs(collection):
            names = {expr.key: key, expr.value: item} if expr.key else {expr.value: item}
            found = self.bound(names).joined(expr.body)
            if isinstance(found, Unknown):
                return found
            pieces.append(text(found))
        return "".join(pieces)

    def joined(self, expr: s.Template) -> object:
        """A part of a template: always a string, also where it is one hole."""
        found = self.template(expr)
        return found if isinstance(found, Unknown) else text(found)


def attribute(on: object, name: str, place: Place) -> object:
    """on.name. Raises Wrong."""
    if isinstance(on, Namespace):
        return on.attribute(name, place)
    if isinstance(on, Unknown):
        return extended(on, f".{name}")
    if isinstance(on, dict):
        if name not in on:
            raise Wrong(f'the object has no attribute "{name}"', "it has: {0}", (Names(on),))
        return on[name]
    if isinstance(on, list):
        raise Wrong(
            f"a list has no attribute `{name}`",
            f"take one element ([0].{name}) or all of them ([*].{name})",
        )
    raise Wrong(f"a {kind(on)} has no attributes")


def extended(unknown: Unknown, step: str) -> Unknown:
    """A part of something unknown."""
    return Unknown(
        unknown.reference + step,
        unknown.root,
        unknown.why,
        unknown.place,
        unknown.message,
        unknown.hint,
    )


def keyed(rows: list[tuple[object, object]], group: bool) -> object:
    """The object that `{for …}` makes. Raises Wrong."""
    found: dict[str, object] = {}
    groups: dict[str, list[object]] = {}
    for key, result in rows:
        if key is None:
            raise Wrong("the key of an object cannot be null")
        name = text(key)
        if group:
            groups.setdefault(name, []).append(result)
        elif name in found:
            raise Wrong(
                "two items have the key {0}", "put `...` behind the value to group them", (name,)
            )
        else:
            found[name] = result
    return ordered(groups.items() if group else found.items())


def pairs(collection: object) -> Iterator[tuple[object, object]]:
    """Keys and values of what `for` goes through. Raises Wrong."""
    if isinstance(collection, dict):
        return iter(collection.items())
    if isinstance(collection, Set):
        return iter([(item, item) for item in collection])
    if isinstance(collection, list):
        return iter(list(enumerate(collection)))
    raise Wrong(f"`for` goes through a list, set or map, this is a {kind(collection)}")


COMPARE: dict[str, Callable[[int | Decimal, int | Decimal], object]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def arithmetic(name: str, left: int | Decimal, right: int | Decimal) -> object:
    """Numbers only. Raises Wrong."""
    if name in COMPARE:
        return COMPARE[name](left, right)
    with localcontext() as context:
        context.prec = DIGITS
        if name == "+":
            return plain(left + right)
        if name == "-":
            return plain(left - right)
        if name == "*":
            return plain(left * right)
        if right == 0:
            raise Wrong("division by zero")
        if name == "/":
            return plain(Decimal(left) / Decimal(right))
        return plain(
            Decimal(left) % Decimal(right)
        )  # the sign is the dividend's, as Terraform has it


EVALUATE: dict[type[s.Expr], Callable[..., object]] = {
    s.Literal: Evaluator.literal,
    s.Variable: Evaluator.variable,
    s.GetAttr: Evaluator.get_attr,
    s.Index: Evaluator.index,
    s.Splat: Evaluator.splat,
    s.TupleExpr: Evaluator.listed,
    s.ObjectExpr: Evaluator.mapped,
    s.For: Evaluator.comprehension,
    s.Unary: Evaluator.unary,
    s.Binary: Evaluator.binary,
    s.Conditional: Evaluator.conditional,
    s.Call: Evaluator.call,
    s.Template: Evaluator.template,
    s.TemplateIf: Evaluator.template_if,
    s.TemplateFor: Evaluator.template_for,
}
