"""Findings that say the same of several things, told as one. Pure.

A message that begins with the name of what it speaks of (`request: declared for …`) may be folded with others
that differ in that name and in their place alone: `request, response, pages: declared for …`.
"""

from __future__ import annotations

from collections.abc import Iterable

from skerry.base.finding import Finding, Place

BETWEEN = ": "


def fold(findings: Iterable[Finding]) -> list[Finding]:
    """Each group as one finding, where the first of it stood; all others as they are."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        groups.setdefault(alike(finding), []).append(finding)
    return [one(group) for group in groups.values()]


def alike(finding: Finding) -> tuple[str, ...]:
    """What must be equal: all but the name and the place. A message without a name is alike to itself only."""
    _name, between, said = finding.message.partition(BETWEEN)
    if not between or " " in _name:
        return (finding.code, finding.message, str(finding.where), finding.hint)
    return (finding.code, finding.level, said, finding.hint, finding.rule)


def one(group: list[Finding]) -> Finding:
    """A group told at once. Names and places keep their order; equal ones are named once."""
    first = group[0]
    if len(group) == 1:
        return first
    names = dict.fromkeys(each.message.partition(BETWEEN)[0] for each in group)
    said = first.message.partition(BETWEEN)[2]
    message = ", ".join(names) + BETWEEN + said if said else first.message
    return Finding(first.code, first.level, places(group), message, first.hint, first.rule)


def places(group: list[Finding]) -> str:
    """`main.tf:34:3, 46:3, other.tf:2:1`: a file is named where it changes."""
    told: list[str] = []
    file = ""
    for each in dict.fromkeys(finding.where for finding in group):
        where = str(each)
        if isinstance(each, Place) and each.file == file and each.line:
            where = where.removeprefix(f"{file}:")
        file = each.file if isinstance(each, Place) else ""
        told.append(where)
    return ", ".join(told)
