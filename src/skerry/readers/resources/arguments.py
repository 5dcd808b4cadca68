"""What becomes of every argument: rules/terraform.toml, and a shape checked against it. Nothing is dropped unsaid."""

from __future__ import annotations

import difflib
from functools import cache
from typing import Literal

import msgspec

from skerry.base import tables
from skerry.readers.report import Report
from skerry.readers.resources.shape import Shape
from skerry.readers.terraform.value import Unknown

Disposition = Literal["honoured", "accepted", "refused"]


class Argument(msgspec.Struct, frozen=True):
    """disposition and reason as the table has them; quiet: a value that needs no word."""

    disposition: Disposition
    reason: str
    quiet: object = None


@cache
def table() -> dict[str, dict[str, Argument]]:
    """Path of a block → name of an argument or block in it → what becomes of it."""
    rows = tables.load("terraform")
    return {
        path: {name: Argument(*row) for name, row in names.items()}
        for path, names in rows.items()
        if path != "computed"
    }


@cache
def computed() -> frozenset[str]:
    """Attributes of a resource that nobody sets: Terraform's JSON has them among the arguments."""
    return frozenset(tables.load("terraform")["computed"]["names"])


@cache
def of(path: str) -> dict[str, Argument] | None:
    """The arguments of a block; None for blocks that are not looked into. Both behaviors have the same ones."""
    ordered = "aws_cloudfront_distribution.ordered_cache_behavior"
    if path.startswith(ordered):
        found = table().get(path.replace("ordered_cache_behavior", "default_cache_behavior", 1))
        if path == ordered and found is not None:
            return {**found, "path_pattern": Argument("honoured", "row 2")}
        return found
    return table().get(path)


def empty(value: object) -> bool:
    """Not set, or set to nothing."""
    return value is None or value is False or value in ("", [], {}, 0)


def check(shape: Shape, report: Report, *, lists_computed: bool = False) -> None:
    """Say what is refused, without effect, or unknown, in a block and all below it.

    lists_computed: the shape comes from JSON, which lists what nobody set as well.
    """
    known = of(shape.kind)
    if known is None:
        return
    top = "." not in shape.kind
    for name, value in shape.values.items():
        if name not in known:
            if not (top and name in computed()) and not (lists_computed and empty(value)):
                unknown_argument(shape, name, known, report)
            continue
        judge(shape, name, known[name], value, report)
    for name, blocks in shape.blocks.items():
        if name not in known:
            if blocks:
                unknown_argument(shape, name, known, report)
            continue
        for block in blocks:
            if known[name].disposition == "honoured":
                check(block, report, lists_computed=lists_computed)
            else:
                judge(shape, name, known[name], "a block", report)


def judge(shape: Shape, name: str, argument: Argument, value: object, report: Report) -> None:
    """One argument."""
    if (
        argument.disposition == "honoured"
        or empty(value)
        or value == argument.quiet
        or argument.quiet == "*"
    ):
        return
    shown = ""
    if isinstance(value, str | bool | int) and value != "a block":
        shown = f" = {shape.shown(name, value)}"
    if isinstance(value, Unknown):
        shown = f" = {value.reference}"
    thing = f"{shape.kind.rsplit('.', 1)[-1]}: {name}{shown}"
    if argument.disposition == "refused":
        report.add(
            "terraform.not_built",
            "error",
            shape.where(name),
            f"{thing}: {argument.reason}",
            "take it out of what Skerry reads. No level lets it pass: without it Skerry would serve something other"
            " than what you wrote",
            "docs/reference/terraform.md",
            about=(argument.reason, shape.place),
        )
    else:
        report.add(
            "terraform.without_effect",
            "note",
            shape.where(name),
            f"{thing} has no effect here: {argument.reason}",
            rule="docs/reference/terraform.md",
            about=(argument.reason, shape.place),
        )


def unknown_argument(shape: Shape, name: str, known: dict[str, Argument], report: Report) -> None:
    """A name that the provider does not have, or has only since later."""
    near = difflib.get_close_matches(name, known, 1)
    report.add(
        "terraform.unknown_argument",
        "error",
        shape.where(name),
        f"{shape.kind.replace('.', ' → ')} has no argument `{name}`",
        f"did you mean `{near[0]}`?"
        if near
        else "the arguments that are known: docs/reference/terraform.md",
    )
