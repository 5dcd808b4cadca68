"""A record's state, and the two ways it grows: `apply` a change, `join` another copy. Both in place.

The state is kept in a normal form: what can never be seen again is dropped at once. So two copies that
took in the same changes are equal, whatever the order was.
"""

from __future__ import annotations

import msgspec

from skerry.base.errors import UpstreamError
from skerry.sync import change as wire
from skerry.sync.change import (
    Add,
    Assign,
    Change,
    Delete,
    Exclude,
    Include,
    Known,
    Later,
    Path,
    Put,
    Seen,
    Unset,
    Write,
)
from skerry.sync.clock import ZERO, Stamp, at_ms, millis, node_of
from skerry.sync.merge import counter as counters
from skerry.sync.merge import members as sets
from skerry.sync.merge import siblings as versions
from skerry.sync.merge.counter import Counter, Slot
from skerry.sync.merge.members import Members
from skerry.sync.merge.siblings import Siblings, Version


class Register(msgspec.Struct, frozen=True, array_like=True):
    """A field: the latest stamp wins. Not `present`: it was unset."""

    stamp: Stamp
    value: object = None
    present: bool = True


class Record(msgspec.Struct, array_like=True):
    """`stamp`, `value`, `present`, `ttl_ms` are those of the last `put` or `delete`; the rest came after it.

    A map in `value` is fields that have the stamp of the whole, so that a record that was only ever put is
    no larger than its value. `later` holds operations that this version does not know, by stamp.
    """

    stamp: Stamp = ZERO
    value: object = None
    present: bool = False
    ttl_ms: int | None = None
    fields: dict[Path, Register] = {}
    counters: dict[Path, Counter] = {}
    sets: dict[Path, Members] = {}
    siblings: dict[Path, Siblings] = {}
    later: dict[Stamp, list[bytes]] = {}


_decoder = msgspec.msgpack.Decoder(Record)
_encoder = msgspec.msgpack.Encoder()


def encode(record: Record) -> bytes:
    """The bytes of a record. Equal records may differ here, in the order of their cells."""
    return _encoder.encode(record)


def decode(raw: bytes) -> Record:
    """A record from its bytes, with what had been kept for this version taken in. Raises UpstreamError."""
    try:
        record = _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UpstreamError(
            "sync.damaged",
            f"these bytes are no record: {error}",
            hint="take a snapshot of the partition anew",
        ) from error
    if record.later:
        _catch_up(record)
    return record


def apply(record: Record, change: Change) -> None:
    """Take in a change of this record."""
    stamp = change.stamp
    for operation in change.operations:
        kind = type(operation)
        if kind is Put:
            _put(record, stamp, operation)  # type: ignore[arg-type]  # narrowed by `kind`
        else:
            _apply(record, stamp, operation)


def join(record: Record, other: Record) -> None:
    """Take in all that another copy knows."""
    _root(record, other.stamp, other.value, other.present, other.ttl_ms)
    for path, register in other.fields.items():
        _assign(record, path, register)
    for path, theirs in other.counters.items():
        counters.join(_counter(record, path), theirs)
    for path, elements in other.sets.items():
        mine = record.sets.setdefault(path, {})
        sets.join(mine, elements, clear_at(record, path))
        if not mine:
            del record.sets[path]
    for path, beside in other.siblings.items():
        found = record.siblings.setdefault(path, Siblings())
        versions.join(found, beside, clear_at(record, path))
        if versions.is_empty(found):
            del record.siblings[path]
    for stamp, raws in other.later.items():
        _keep(record, stamp, raws)


def expiry_ms(record: Record) -> int | None:
    """When what was put ends, in milliseconds since 1970: counted from its stamp, not from its arrival."""
    if not record.present or record.ttl_ms is None:
        return None
    return millis(record.stamp) + record.ttl_ms


def expired_at(record: Record, now_ms: int) -> Stamp:
    """Where what was put has come to its end by now: what is older is gone. ZERO where it has not."""
    ends_ms = expiry_ms(record)
    return ZERO if ends_ms is None or ends_ms > now_ms else at_ms(ends_ms)


def clear_at(record: Record, path: Path) -> Stamp:
    """The latest stamp at the path or above it: what is older there has been replaced."""
    clear = record.stamp
    if record.fields:
        for depth in range(1, len(path) + 1):
            found = record.fields.get(path[:depth])
            if found is not None and found.stamp > clear:
                clear = found.stamp
    return clear


def _apply(record: Record, stamp: Stamp, operation: Known | Later) -> None:
    match operation:
        case Put():
            _put(record, stamp, operation)
        case Delete():
            _root(record, stamp, None, False, None)
            _take(record, operation.seen)
        case Assign():
            _assign(record, operation.path, Register(stamp, operation.value))
            _take(record, operation.seen)
        case Unset():
            _assign(record, operation.path, Register(stamp, None, False))
            _take(record, operation.seen)
        case Add():
            slot = Slot(operation.run, stamp, operation.total)
            counters.grow(_counter(record, operation.path), node_of(stamp), slot)
        case Include() | Exclude():
            _member(record, stamp, operation)
        case Write():
            _version(record, stamp, operation)
        case Later():
            _keep(record, stamp, [operation.raw])


def _put(record: Record, stamp: Stamp, put: Put) -> None:
    _root(record, stamp, put.value, True, put.ttl_ms)
    if put.seen:
        _take(record, put.seen)


def _root(record: Record, stamp: Stamp, value: object, present: bool, ttl_ms: int | None) -> None:
    if stamp < record.stamp:
        return
    if stamp == record.stamp:
        old = (record.present, record.ttl_ms, record.value)
        if not _outranks((present, ttl_ms, value), old):
            return
    record.stamp, record.value, record.present, record.ttl_ms = stamp, value, present, ttl_ms
    if record.fields or record.sets or record.siblings:
        _hide(record, (), stamp)


def _assign(record: Record, path: Path, register: Register) -> None:
    stamp, fields = register.stamp, record.fields
    if stamp < record.stamp or (len(path) > 1 and stamp < clear_at(record, path[:-1])):
        return
    old = fields.get(path)
    if old is not None and old.stamp >= stamp:
        if old.stamp > stamp:
            return
        if not _outranks((register.present, register.value), (old.present, old.value)):
            return
    fields[path] = register
    if len(fields) > 1 or record.sets or record.siblings:
        _hide(record, path, stamp)


def _hide(record: Record, path: Path, clear: Stamp) -> None:
    """Drop what is older than `clear`: fields below the path, sets and siblings also at it."""
    depth = len(path)
    for below, register in list(record.fields.items()):
        if register.stamp < clear and len(below) > depth and below[:depth] == path:
            del record.fields[below]
    for below in [below for below in record.sets if below[:depth] == path]:
        sets.hide(record.sets[below], clear)
        if not record.sets[below]:
            del record.sets[below]
    for below in [below for below in record.siblings if below[:depth] == path]:
        versions.hide(record.siblings[below], clear)
        if versions.is_empty(record.siblings[below]):
            del record.siblings[below]


def _counter(record: Record, path: Path) -> Counter:
    found = record.counters.get(path)
    if found is None:
        record.counters[path] = found = Counter()
    return found


def _take(record: Record, seen: Seen) -> None:
    for path, totals in seen:
        for node, (stamp, total) in totals.items():
            counters.take(_counter(record, path), node, stamp, total)


def _member(record: Record, stamp: Stamp, operation: Include | Exclude) -> None:
    path, clear = operation.path, clear_at(record, operation.path)
    members = record.sets.setdefault(path, {})
    if isinstance(operation, Include):
        sets.include(members, operation.element, stamp, clear)
    else:
        sets.exclude(members, operation.element, operation.covers, clear)
    if not members:
        del record.sets[path]


def _version(record: Record, stamp: Stamp, operation: Write) -> None:
    path, clear = operation.path, clear_at(record, operation.path)
    found = record.siblings.setdefault(path, Siblings())
    versions.cover(found, operation.covers, clear)
    version = Version(operation.value, operation.present, operation.server)
    versions.write(found, stamp, version, clear)
    if versions.is_empty(found):
        del record.siblings[path]


def _keep(record: Record, stamp: Stamp, raws: list[bytes]) -> None:
    held = record.later.get(stamp, [])
    record.later[stamp] = sorted({*held, *raws})


def _catch_up(record: Record) -> None:
    """Take in what an earlier version kept because it did not know it."""
    kept, record.later = record.later, {}
    for stamp, raws in kept.items():
        for raw in raws:
            _apply(record, stamp, wire.operation(raw))


def _outranks(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Between equal stamps, which only a node that was cloned makes: any order, the same everywhere."""
    return _encoder.encode(one) > _encoder.encode(other)
