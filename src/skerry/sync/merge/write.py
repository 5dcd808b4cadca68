"""Operations as a writer makes them: from the record that lies before it, and what it has seen there.

Each function takes the record as this node has it (None for one that it does not have) and returns an
operation for a `Change`. In one change stand at most one operation of a kind for a path.
"""

from __future__ import annotations

from skerry.base.errors import CallerError
from skerry.sync import change as wire
from skerry.sync.change import (
    PATH_NAMES_MAX,
    Add,
    Assign,
    Covers,
    Delete,
    Exclude,
    Include,
    Path,
    Put,
    Seen,
    Unset,
    Write,
)
from skerry.sync.clock import Stamp, node_of
from skerry.sync.merge.record import Record


def put(record: Record | None, value: object, ttl_ms: int | None = None) -> Put:
    """The whole anew, for ever or for so long from the change's stamp on. Raises CallerError for less than nothing."""
    if ttl_ms is not None and ttl_ms < 0:
        raise CallerError(
            "sync.bad_value", f"nothing lives for {ttl_ms} ms", hint="delete it instead"
        )
    return Put(value, ttl_ms, seen_at(record, ()))


def delete(record: Record | None) -> Delete:
    """The whole away."""
    return Delete(seen_at(record, ()))


def assign(record: Record | None, path: Path, value: object) -> Assign:
    """A field anew. Increments that come later are added to a number that is assigned."""
    return Assign(_checked(path), value, seen_at(record, path))


def unset(record: Record | None, path: Path) -> Unset:
    """A field away."""
    return Unset(_checked(path), seen_at(record, path))


def add(record: Record | None, path: Path, delta: int, stamp: Stamp) -> Add:
    """A counter by so much. `stamp` is that of the change it will stand in.

    Who finds the record expired and wants it anew writes a `put` into the same change: an expiry alone
    takes nothing away, for another `put` that this node has not heard of may have prolonged the record.
    """
    found = None if record is None else record.counters.get(path)
    slot = None if found is None else found.added.get(node_of(stamp))
    if slot is None:  # nothing of ours counts any more, or yet: begin to count anew
        return Add(_checked(path), delta, stamp, delta)
    return Add(path, delta, slot.run, slot.total + delta)


def include(path: Path, value: object) -> Include:
    """An element in."""
    return Include(_checked(path), wire.element(value))


def exclude(record: Record | None, path: Path, value: object) -> Exclude:
    """An element out, as far as this node knows it to be in."""
    element = wire.element(value)
    members = {} if record is None else record.sets.get(path, {})
    found = members.get(element)
    return Exclude(_checked(path), element, {} if found is None else dict(found.added))


def write(
    record: Record | None,
    path: Path,
    value: object,
    *,
    present: bool = True,
    server: bool = False,
) -> Write:
    """A version that takes the place of all that this node sees; also how a conflict is resolved."""
    if len(path) > PATH_NAMES_MAX:
        _checked(path)
    found = None if record is None else record.siblings.get(path)
    covers: Covers = {}
    for stamp in [] if found is None else sorted(found.versions):
        covers[node_of(stamp)] = stamp  # the latest of a node covers its earlier ones
    return Write(path, value, covers, present, server)


def seen_at(record: Record | None, path: Path) -> Seen:
    """What this node sees in counters at or below a path."""
    if record is None or not record.counters:
        return []
    return [
        (at, {node: (slot.stamp, slot.total) for node, slot in counter.added.items()})
        for at, counter in sorted(record.counters.items())
        if counter.added and at[: len(path)] == path
    ]


def _checked(path: Path) -> Path:
    if 1 <= len(path) <= PATH_NAMES_MAX:
        return path
    raise CallerError(
        "sync.bad_path",
        f"a field's path has 1 to {PATH_NAMES_MAX} names, not {len(path)}",
        hint="a whole record is put, not assigned; what lies deeper belongs into a record of its own",
    )
