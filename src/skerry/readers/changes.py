"""What differs between two projects, in the words of `spec`. Pure: `skerry diff` and reloads use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from skerry.spec.project import Project

# What two readings may differ in without anything else being wanted.
ASIDE = frozenset({"root", "files", "findings"})
# Field by which the parts of a list are told apart; the order counts in those of ORDERED.
KEYS = ("name", "id", "pattern", "event", "status")
ORDERED = frozenset({"behaviors", "members"})
# Values that may be secrets: it is said that they changed, not what they are.
SECRET = frozenset({("headers", "value")})
HIDDEN = "(not shown)"

Plain = object  # what msgspec.to_builtins yields


class Change(msgspec.Struct, frozen=True):
    """One difference. path: in words, from the whole to the part; before and after: values as JSON has them."""

    kind: Literal["added", "removed", "changed"]
    path: str
    before: object = None
    after: object = None

    def __str__(self) -> str:
        if self.kind != "changed":
            return f"{'+' if self.kind == 'added' else '-'} {self.path}"
        return f"~ {self.path}: {show(self.before)} → {show(self.after)}"


def show(value: object) -> str:
    """A value on one line."""
    return value if isinstance(value, str) and value else msgspec.json.encode(value).decode()


def compare(before: Project, after: Project) -> tuple[Change, ...]:
    """Every difference, in the order of the fields of `Project`."""
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    wanted = {name for name in old if name not in ASIDE}
    return tuple(
        change
        for name in old
        if name in wanted
        for change in differ(name, old[name], new[name], ())
    )


def differ(name: str, old: Plain, new: Plain, path: tuple[str, ...]) -> Iterator[Change]:
    """One field and what is in it."""
    if old == new:
        return
    here = (*path, name)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from entry(key, old, new, here)
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
        yield from rows(name, list(old), list(new), path)
    elif path and (path[-1].split(" ")[0], name) in SECRET:
        yield Change("changed", words(here), HIDDEN, HIDDEN)
    else:
        yield Change("changed", words(here), old, new)


def entry(
    key: str, old: dict[str, Plain], new: dict[str, Plain], path: tuple[str, ...]
) -> Iterator[Change]:
    """One key of a map."""
    if key not in old:
        yield Change("added", words((*path, key)), None, new[key])
    elif key not in new:
        yield Change("removed", words((*path, key)), old[key])
    else:
        yield from differ(key, old[key], new[key], path)


def rows(name: str, old: list[Plain], new: list[Plain], path: tuple[str, ...]) -> Iterator[Change]:
    """A list: of things with a name, or of plain values."""
    before, after = keyed(old), keyed(new)
    if before is None or after is None:
        yield Change("changed", words((*path, name)), old, new)
        return
    for key, value in before.items():
        if key not in after:
            yield Change("removed", words((*path, f"{name} {key}")), hidden(name, value))
        elif isinstance(value, dict):
            other = after[key]
            for field in value:
                if isinstance(other, dict):
                    yield from differ(field, value[field], other[field], (*path, f"{name} {key}"))
    for key, value in after.items():
        if key not in before:
            yield Change("added", words((*path, f"{name} {key}")), None, hidden(name, value))
    stayed = [key for key in before if key in after]
    order = [key for key in after if key in before]
    if name in ORDERED and stayed != order:
        yield Change("changed", words((*path, name, "order")), stayed, order)


def hidden(name: str, value: Plain) -> Plain:
    """A whole thing that comes or goes, without secrets."""
    if not isinstance(value, dict):
        return value
    found: dict[str, Plain] = {}
    for key, item in value.items():
        if (name, key) in SECRET:
            found[key] = HIDDEN
        elif isinstance(item, list | tuple):
            found[key] = [hidden(key, one) for one in item]
        else:
            found[key] = item
    return found


def keyed(values: list[Plain]) -> dict[str, Plain] | None:
    """The values by their name; None where they have none, or not each its own."""
    found: dict[str, Plain] = {}
    for value in values:
        key = next((key for key in KEYS if isinstance(value, dict) and key in value), None)
        if key is None or not isinstance(value, dict):
            return None
        found[str(value[key])] = value
    return found if len(found) == len(values) else None


def words(path: tuple[str, ...]) -> str:
    """A path for people: `distributions` becomes `distribution` where a name follows."""
    return " → ".join(plural(step) for step in path)


def plural(step: str) -> str:
    """`origins API` → `origin API`."""
    kind, space, name = step.partition(" ")
    return f"{kind[:-1] if space and kind.endswith('s') else kind}{space}{name}"
