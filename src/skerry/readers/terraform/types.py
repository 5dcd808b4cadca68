"""Type constraints of variables (Terraform, language/expressions/type-constraints).

`list(string)`, `object({ port = optional(number, 80) })` and what a value becomes under them.
"""

from __future__ import annotations

from skerry.readers.terraform import syntax as s
from skerry.readers.terraform.value import (
    Namespace,
    Unknown,
    Wrong,
    as_set,
    boolean,
    kind,
    mapping,
    number,
    ordered,
    sequence,
    text,
    unified,
)

PRIMITIVES = {"string": text, "number": number, "bool": boolean}


def convert(value: object, type_expr: s.Expr) -> object:
    """The value as the type wants it. Raises Wrong."""
    if value is None or isinstance(value, Unknown | Namespace):
        return value
    if isinstance(type_expr, s.Literal):  # "string", as Terraform 0.11 wrote it
        type_expr = s.Variable(type_expr.at, str(type_expr.value))
    if isinstance(type_expr, s.Variable):
        if type_expr.name == "any":
            return value
        if type_expr.name in PRIMITIVES:
            return PRIMITIVES[type_expr.name](value)
        any_of_it = (s.Variable(type_expr.at, "any"),)
        return compound(value, s.Call(type_expr.at, type_expr.name, any_of_it))
    if isinstance(type_expr, s.Call) and type_expr.arguments:
        return compound(value, type_expr)
    raise Wrong("this is no type")


def compound(value: object, type_expr: s.Call) -> object:
    """list(…), set(…), map(…), tuple([…]), object({…}). Raises Wrong."""
    inner = type_expr.arguments[0]
    if type_expr.name in ("list", "set"):
        items = unified([convert(item, inner) for item in sequence(value)])
        return as_set(items) if type_expr.name == "set" else list(items)
    if type_expr.name == "map":
        return ordered((key, convert(item, inner)) for key, item in mapping(value).items())
    if type_expr.name == "tuple" and isinstance(inner, s.TupleExpr):
        items = sequence(value)
        if len(items) != len(inner.items):
            raise Wrong(
                f"a tuple of {len(inner.items)} is required, this has {len(items)} elements"
            )
        return [convert(item, one) for item, one in zip(items, inner.items, strict=True)]
    if type_expr.name == "object" and isinstance(inner, s.ObjectExpr):
        return fit(mapping(value), inner)
    known = "string, number, bool, list(…), set(…), map(…), object({…}), any"
    raise Wrong(f"`{type_expr.name}` is no type", known)


def fit(value: dict[str, object], shape: s.ObjectExpr) -> object:
    """An object with the attributes that the type names, defaults filled in; others are dropped, as Terraform does."""
    found: list[tuple[str, object]] = []
    for key, item in shape.items:
        name = str(key.value) if isinstance(key, s.Literal) else kind(key)
        optional = isinstance(item, s.Call) and item.name == "optional"
        wanted = item.arguments[0] if optional and isinstance(item, s.Call) else item
        present = value.get(name)
        if name not in value and not optional:
            raise Wrong(f'the object has no attribute "{name}", which its type requires')
        if present is None and optional and isinstance(item, s.Call) and len(item.arguments) > 1:
            present = constant(item.arguments[1])
        found.append((name, convert(present, wanted)))
    return ordered(found)


def constant(expr: s.Expr) -> object:
    """A default inside optional(): constants only, as Terraform wants it. Raises Wrong."""
    if isinstance(expr, s.Literal):
        return expr.value
    if isinstance(expr, s.TupleExpr):
        return [constant(item) for item in expr.items]
    if isinstance(expr, s.ObjectExpr):
        return ordered((text(constant(key)), constant(item)) for key, item in expr.items)
    if isinstance(expr, s.Unary) and expr.operator == "-":
        return -number(constant(expr.operand))
    raise Wrong("the default of optional() must be a constant")
