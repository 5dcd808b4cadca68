"""A change and its bytes: what one writer did to one record at one moment.

On the wire a change is a msgpack array `[stamp, space, key, [operation, …], born?]`; an operation is an
array that begins with its number. So the stamp lies at a fixed place (`stamp_in`), and new fields come at
the end of arrays. An older reader passes over what it does not know: it keeps and forwards the bytes as they
came, and a record keeps operations of unknown numbers for the day its reader is renewed (`Later`).

What an operation must know of the record (which increments a `put` has seen, which additions a removal
covers) stands in it, written down by its origin. So every copy comes to the same end, in any order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from skerry.base import tables
from skerry.base.errors import CallerError, UpstreamError
from skerry.sync.clock import NODE_BYTES, STAMP_BYTES, Node, Stamp

_LIMITS = tables.load("sync")["limits"]
CHANGE_BYTES_MAX: int = _LIMITS["change_bytes_max"]
PATH_NAMES_MAX: int = _LIMITS["path_names_max"]

# the first stamp of a change and 8 bytes of the hash of its first bytes: what all stampings of one intent have
# in common, and no two intents, not even those of clones whose clocks stood still
Birth: TypeAlias = bytes
BIRTH_BYTES = STAMP_BYTES + 8
# the shapes that a sender is held to
AStamp: TypeAlias = Annotated[Stamp, Meta(min_length=STAMP_BYTES, max_length=STAMP_BYTES)]
ANode: TypeAlias = Annotated[Node, Meta(min_length=NODE_BYTES, max_length=NODE_BYTES)]
ABirth: TypeAlias = Annotated[Birth, Meta(min_length=BIRTH_BYTES, max_length=BIRTH_BYTES)]
Whole: TypeAlias = Annotated[tuple[str, ...], Meta(max_length=PATH_NAMES_MAX)]
Field: TypeAlias = Annotated[tuple[str, ...], Meta(min_length=1, max_length=PATH_NAMES_MAX)]

Lifetime: TypeAlias = Annotated[int, Meta(ge=0)]

# names from the record inwards; () is the whole record
Path: TypeAlias = tuple[str, ...]
# of each node the highest stamp that the writer had seen (the node's earlier ones are covered with it)
Covers: TypeAlias = dict[ANode, AStamp]
# of each counter and node: stamp and total of the last increment that the writer had seen
Seen: TypeAlias = list[tuple[Field, dict[ANode, tuple[AStamp, int]]]]


class Operation(msgspec.Struct, frozen=True, array_like=True):
    """What all have in common: an array that begins with a number."""


class Put(Operation, frozen=True, array_like=True, tag=0):
    """The whole record anew. What is older goes. It lives `ttl_ms` from its stamp on, or for ever."""

    value: object
    ttl_ms: Lifetime | None = None
    seen: Seen = []


class Delete(Operation, frozen=True, array_like=True, tag=1):
    """The record goes, and what is older than this stamp with it; a later edit revives it."""

    seen: Seen = []


class Assign(Operation, frozen=True, array_like=True, tag=2):
    """One field anew. What is older at and below its path goes."""

    path: Field
    value: object
    seen: Seen = []


class Unset(Operation, frozen=True, array_like=True, tag=3):
    """One field goes, with what is older below it."""

    path: Field
    seen: Seen = []


class Add(Operation, frozen=True, array_like=True, tag=4):
    """A counter grows by `delta`: this node has added `total` since its increment `run`."""

    path: Field
    delta: int
    run: AStamp
    total: int


class Include(Operation, frozen=True, array_like=True, tag=5):
    """An element joins a set. Elements are values in msgpack, so that 1, 1.0 and true are three."""

    path: Field
    element: bytes


class Exclude(Operation, frozen=True, array_like=True, tag=6):
    """An element leaves a set, as far as its additions had been seen."""

    path: Field
    element: bytes
    covers: Covers


class Write(Operation, frozen=True, array_like=True, tag=7):
    """A version beside others: it replaces those it covers. Not `present`: a deletion as a version."""

    path: Whole
    value: object
    covers: Covers
    present: bool = True
    server: bool = False


class Later:
    """An operation of a newer writer: its bytes, kept as they are. (No struct: those encode themselves.)"""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Later) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"Later({self.raw!r})"


Known: TypeAlias = Put | Delete | Assign | Unset | Add | Include | Exclude | Write


class Change(msgspec.Struct, frozen=True, array_like=True):
    """`space` is a collection or namespace. `born` is the birth of a change that got another stamp."""

    stamp: Stamp
    space: str
    key: str
    operations: Sequence[Known | Later]
    born: Birth | None = None


class _OnWire(msgspec.Struct, frozen=True, array_like=True):
    stamp: AStamp
    space: str
    key: str
    operations: list[Known]
    born: ABirth | None = None


class _OfTomorrow(msgspec.Struct, frozen=True, array_like=True):
    stamp: AStamp
    space: str
    key: str
    operations: list[msgspec.Raw]
    born: ABirth | None = None


def _kept(later: object) -> msgspec.Raw:
    if isinstance(later, Later):
        return msgspec.Raw(later.raw)
    raise TypeError(f"{type(later).__name__} cannot be stored")


_encoder = msgspec.msgpack.Encoder(enc_hook=_kept)
_decoder = msgspec.msgpack.Decoder(_OnWire)
_tomorrow = msgspec.msgpack.Decoder(_OfTomorrow)
_one = msgspec.msgpack.Decoder(Known)
_any = msgspec.msgpack.Decoder(list[object])
_NUMBERS = 8
_STAMP_AT = 3  # after the array's and the stamp's own heads


def encode(change: Change) -> bytes:
    """The bytes of a change. Raises CallerError for values that have none, and for too many of them."""
    try:
        raw = _encoder.encode(change)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise CallerError(
            "sync.bad_value",
            f"{change.space}/{change.key}: {error}",
            hint="null, true, numbers of 64 bits, text, bytes, lists and maps can be stored",
        ) from error
    if len(raw) > CHANGE_BYTES_MAX:
        raise CallerError(
            "sync.too_large",
            f"{change.space}/{change.key}: {len(raw):,} bytes exceed change_bytes_max ({CHANGE_BYTES_MAX:,})",
            hint="store what is large as a blob, and its reference here",
        )
    return raw


def decode(raw: bytes) -> Change:
    """A change from its bytes. Raises UpstreamError where they are none."""
    try:
        seen = _decoder.decode(raw)
    except msgspec.ValidationError:
        return _decode_tomorrow(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _damaged(error) from error
    return Change(seen.stamp, seen.space, seen.key, seen.operations, seen.born)


def _decode_tomorrow(raw: bytes) -> Change:
    """The same with operations that this version does not know, and with a refusal of broken ones."""
    try:
        seen = _tomorrow.decode(raw)
        operations = [operation(bytes(each)) for each in seen.operations]
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _damaged(error) from error
    return Change(seen.stamp, seen.space, seen.key, operations, seen.born)


def operation(raw: bytes) -> Known | Later:
    """One operation from its bytes, known or not. Raises msgspec.MsgspecError for a broken one."""
    head = _any.decode(raw)
    number = head[0] if head else None
    if isinstance(number, int) and not isinstance(number, bool) and number >= _NUMBERS:
        return Later(raw)
    known: Known = _one.decode(raw)
    return known


def _damaged(why: object) -> UpstreamError:
    return UpstreamError(
        "sync.damaged", f"these bytes are no change: {why}", hint="the sender is broken or not ours"
    )


def stamp_in(raw: bytes) -> Stamp:
    """The stamp of an encoded change, without decoding it."""
    return raw[_STAMP_AT : _STAMP_AT + STAMP_BYTES]


def birth(raw: bytes, change: Change) -> Birth:
    """Of a change and its bytes."""
    return change.born or change.stamp + hashlib.sha256(raw).digest()[:8]


def element(value: object) -> bytes:
    """A set's element: the value's canonical bytes. Raises CallerError."""
    try:
        return msgspec.msgpack.encode(value, order="deterministic")
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise CallerError("sync.bad_value", f"no element of a set: {error}") from error


def carry(raw: bytes, change: Change) -> bytes:
    """`change`, rewritten from `raw`, with what newer writers put at the end of its arrays and operations.

    The operations are those of `raw`, one for one.
    """
    old: list[object] = _any.decode(raw)
    new: list[object] = _any.decode(encode(change))
    before, after = old[3], new[3]
    assert isinstance(before, list)  # decode() has seen that they are operations
    assert isinstance(after, list)
    for was, now in zip(before, after, strict=True):
        now += was[len(now) :]
    return _encoder.encode(new + old[len(new) :])
