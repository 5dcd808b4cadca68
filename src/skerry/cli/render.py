"""What people see: messages in one shape, tables, and a line that tells how far long work is.

A message, whoever wrote it (`error`, `findings`):

    error[terraform.unresolved_reference]: `var.zone` has no value
      main.tf:12:5
      rule: …

      hint: add `zone` to terraform.tfvars
      see: skerry explain terraform.unresolved_reference

stdout is data, stderr is talk. Colour on a terminal only, never as the only carrier of meaning, and
not where NO_COLOR is set (no-color.org).
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from skerry.base import environment
from skerry.base.errors import ConfigError, SkerryError
from skerry.base.finding import Finding, Place
from skerry.cli.fold import fold

CODES = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}
LEVEL_COLOUR = {"error": "red", "warning": "yellow", "note": "cyan"}
COLUMN_GAP = "  "


def coloured(stream: TextIO) -> bool:
    """Whether colours and moving lines are wanted there."""
    return (
        stream.isatty() and not environment.read("NO_COLOR") and environment.read("TERM") != "dumb"
    )


def paint(text: str, colour: str, stream: TextIO) -> str:
    """`text` in a colour of CODES where the stream shows colours."""
    return f"\033[{CODES[colour]}m{text}\033[0m" if coloured(stream) else text


def error(error: SkerryError, stream: TextIO | None = None) -> None:
    """One error; a ConfigError's findings follow in full, so that all can be mended at once."""
    out = stream or sys.stderr
    if isinstance(error, ConfigError) and error.findings:
        findings(error.findings, out)
        out.write("\n")
    message("error", error.code, error.message, error.about, "", error.hint, out)


def findings(findings: Iterable[Finding], stream: TextIO | None = None) -> None:
    """Each finding in the message shape, a blank line between; what is said of several things, once."""
    out = stream or sys.stderr
    for number, finding in enumerate(fold(findings)):
        if number:
            out.write("\n")
        where = str(finding.where) if isinstance(finding.where, Place) else finding.where
        message(
            finding.level, finding.code, finding.message, where, finding.rule, finding.hint, out
        )


def message(
    level: str, code: str, text: str, where: str, rule: str, hint: str, out: TextIO
) -> None:
    """The one shape: what, where, by which rule; then the way out."""
    head = paint(f"{level}[{code}]", LEVEL_COLOUR[level], out)
    out.write(f"{head}: {text}\n")
    if where:
        out.write(f"  {where}\n")
    if rule:
        out.write(f"  rule: {rule}\n")
    out.write("\n")
    if hint:
        first, *rest = hint.split("\n")
        out.write(f"  hint: {first}\n")
        out.writelines(f"        {line}\n" for line in rest)
    out.write(paint(f"  see: skerry explain {code}", "dim", out) + "\n")


def table(
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[str] | None = None,
    stream: TextIO | None = None,
) -> None:
    """Rows under headings, columns as wide as needed; numbers stand to the right.

    What is wider than a terminal is told in several tables, each with the first column.

    columns   keys to show and their order; those of the first row where not given
    """
    out = stream or sys.stdout
    if not rows:
        return
    names = list(columns) if columns is not None else list(rows[0])
    cells = [[cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(name), *(len(line[i]) for line in cells)) for i, name in enumerate(names)]
    right = [all(number(row.get(name)) for row in rows) for name in names]
    room = shutil.get_terminal_size().columns if out.isatty() else sys.maxsize
    for number_of, part in enumerate(parts(widths, room)):
        if number_of:
            out.write("\n")
        for at, line in enumerate([names, *cells]):
            text = COLUMN_GAP.join(fit(line[i], widths[i], right[i]) for i in part).rstrip()
            out.write((text if at else paint(text, "bold", out)) + "\n")


def parts(widths: Sequence[int], room: int) -> list[list[int]]:
    """Which columns stand beside each other, as many as there is room for; the first stands in each part."""
    found = [[0]]
    for column in range(1, len(widths)):
        beside = sum(widths[i] + len(COLUMN_GAP) for i in found[-1])
        if beside + widths[column] > room and len(found[-1]) > 1:
            found.append([0])
        found[-1].append(column)
    return found


def cell(value: object) -> str:
    """A value as it stands in a table: nothing is a dash, a fraction has at most two digits."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def number(value: object) -> bool:
    """Whether a cell lets its column stand to the right."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def fit(text: str, width: int, right: bool) -> str:
    """`text` filled up to a width."""
    return text.rjust(width) if right else text.ljust(width)


class Progress:
    """One line on stderr that tells how far long work is; silent where nobody watches.

    with Progress("loading") as progress:
        progress.say("3 of 12 files")
    """

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self.what = what
        self.out = stream or sys.stderr
        self.shown = coloured(self.out)

    def __enter__(self) -> Progress:
        self.say("")
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            self.out.write("\r\033[K")
            self.out.flush()

    def say(self, how_far: str) -> None:
        """Replace the line."""
        if self.shown:
            self.out.write(f"\r\033[K{self.what} … {how_far}".rstrip())
            self.out.flush()
