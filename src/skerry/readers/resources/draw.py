"""Taking values out of a shape: of the right kind, within bounds, and with a finding where they are not."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from skerry.base.finding import Place, Severity
from skerry.readers import quote
from skerry.readers.report import Report
from skerry.readers.resources.shape import Shape
from skerry.readers.terraform.value import Unknown, Wrong, boolean, number, text, unknown_in

CODES = {
    "computed": "terraform.unresolved_reference",
    "undeclared": "terraform.unresolved_reference",
    "no_value": "terraform.no_value",
    "unsupported": "terraform.unsupported",
    "failed": "terraform.failed",
}

RULES = {"undeclared": "Terraform: References to Named Values"}


def unresolved(
    report: Report, unknown: Unknown, level: Severity, then: str = "", hint: str = ""
) -> None:
    """The one finding about something that has no value here. then: what happens instead."""
    if unknown.why == "failed" and not unknown.message:
        return  # the expression's own finding has said it
    if unknown.root.startswith("var."):
        report.want("variable", unknown.root.removeprefix("var."))
    what = unknown.message or {
        "computed": f"{unknown.reference} is known only after an apply",
        "undeclared": f"{unknown.reference} is declared nowhere",
    }.get(unknown.why, f"{unknown.reference} has no value here")
    report.add(
        CODES[unknown.why],
        level,
        unknown.place,
        f"{what}{'; ' + then if then else ''}",
        hint or unknown.hint,
        RULES.get(unknown.why, ""),
        about=unknown.root,
    )


class Draw:
    """Draws values out of one block."""

    def __init__(self, shape: Shape, report: Report) -> None:
        self.shape = shape
        self.report = report

    def raw(self, name: str) -> object:
        """The value as it is, which may be unknown."""
        return self.shape.values.get(name)

    def wrong(self, name: str, message: str, hint: str = "", rule: str = "") -> None:
        """An argument that cannot be."""
        self.report.add(
            "terraform.value", "error", self.shape.where(name), f"{name}: {message}", hint, rule
        )

    def shown(self, name: str, value: object) -> str:
        """An argument's value, or a part of it, as a finding may quote it."""
        return self.shape.shown(name, value)

    def refused(self, name: str, wrong: Wrong) -> None:
        """A value of another type than is wanted."""
        hidden = self.shape.hidden.get(name)
        message, hint = wrong.told(None if hidden is None else quote.expression(hidden))
        self.wrong(name, message, hint)

    def known(self, name: str) -> object:
        """The value, or None: not set, or unknown, which is an error then."""
        value = self.raw(name)
        unknown = unknown_in(value)
        if unknown is not None:
            unresolved(
                self.report, unknown, "error", f"{name} of this {self.block} cannot be without it"
            )
            return None
        return value

    @property
    def block(self) -> str:
        """The block in words."""
        return self.shape.kind.rsplit(".", 1)[-1]

    def text(self, name: str, default: str = "", choices: Collection[str] = ()) -> str:
        """A text, one of `choices` if there are any."""
        value = self.known(name)
        if value is None or value == "":
            return default
        try:
            found = text(value)
        except Wrong as wrong:
            self.refused(name, wrong)
            return default
        if choices and found not in choices:
            self.wrong(name, f"{self.shown(name, found)} is not among {', '.join(choices)}")
            return default
        self.hide(name, found)
        return found

    def hide(self, name: str, found: str) -> None:
        """Findings about what has this name later on quote the expression, too."""
        if name in self.shape.hidden:
            self.report.hide(found, self.shape.hidden[name])

    def need(self, name: str, choices: Collection[str] = ()) -> str:
        """A text that has to be there; empty, with a finding, where it is not."""
        if self.raw(name) in (None, ""):
            self.report.add(
                "terraform.missing_argument",
                "error",
                self.shape.place,
                f"{self.block} needs `{name}`",
            )
            return ""
        return self.text(name, choices=choices)

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self.known(name)
        if value is None or value == "":
            return default
        try:
            found = number(value)
        except Wrong as wrong:
            self.refused(name, wrong)
            return default
        if isinstance(found, Decimal) or not low <= found <= high:
            self.wrong(name, f"{self.shown(name, found)} is not within {low} to {high}")
            return default
        return found

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        value = self.known(name)
        if value is None:
            return default
        try:
            return boolean(value)
        except Wrong as wrong:
            self.refused(name, wrong)
            return default

    def texts(self, name: str) -> tuple[str, ...]:
        """A list or set of texts."""
        value = self.known(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.wrong(name, "a list is required")
            return ()
        try:
            found = tuple(text(item) for item in value)
        except Wrong as wrong:
            self.refused(name, wrong)
            return ()
        for item in found:
            self.hide(name, item)
        return found

    def into(self, name: str) -> Draw | None:
        """The block of that name."""
        block = self.shape.block(name)
        return Draw(block, self.report) if block is not None else None

    def each(self, name: str) -> list[Draw]:
        """All blocks of that name."""
        return [Draw(block, self.report) for block in self.shape.all(name)]

    def where(self, name: str) -> Place:
        """Where an argument stands."""
        return self.shape.where(name)
