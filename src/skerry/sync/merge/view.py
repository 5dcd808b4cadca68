"""What a record looks like to its readers: state and time in, one value out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from skerry.sync.change import Path
from skerry.sync.clock import ZERO, Stamp
from skerry.sync.merge import counter, members, policy
from skerry.sync.merge.policy import Choice, Policy
from skerry.sync.merge.record import Record, expired_at


class View(NamedTuple):
    """`value` as its readers get it; `stamp` of the latest thing in it; conflicts by path."""

    value: object
    stamp: Stamp
    conflicts: dict[Path, Choice]


def view(record: Record, now_ms: int, policies: Mapping[Path, Policy] | None = None) -> View | None:
    """The record at this moment; None where there is none. `policies` by path; `manual` where none is named."""
    expired = expired_at(record, now_ms)
    is_there = record.present and expired == ZERO
    clear = max(record.stamp, expired)  # an expiry is a delete at its moment
    tree = _Tree(record.value if is_there else None, is_there, record.stamp if is_there else ZERO)
    if record.fields:
        for path in sorted(record.fields, key=len):
            register = record.fields[path]
            if register.stamp < clear:
                continue
            if register.present:
                tree.put(path, register.value, register.stamp)
            else:
                tree.drop(path, register.stamp)
    for path, elements in record.sets.items():
        found = members.present(elements, clear)
        if found:
            values = [msgspec.msgpack.decode(element) for element in found]
            tree.put(path, values, _latest_addition(elements))
    # increments that a put had not seen stay, however old: only an expiry ends them by their stamps
    for path, slots in record.counters.items():
        stamps = [slot.stamp for slot in slots.added.values() if slot.stamp >= expired]
        if stamps:
            tree.put(path, _number(tree.get(path)) + counter.sum_of(slots, expired), max(stamps))
    conflicts = _show_siblings(tree, record, clear, policies or {})
    return View(tree.value, tree.stamp, conflicts) if tree.is_there else None


def _show_siblings(
    tree: _Tree, record: Record, clear: Stamp, policies: Mapping[Path, Policy]
) -> dict[Path, Choice]:
    conflicts = {}
    for path in sorted(record.siblings, key=len):
        beside = policy.of(record.siblings[path], clear)
        if not beside:
            continue
        choice = policy.choose(policies.get(path, Policy.MANUAL), beside)
        stamp, version = choice.shown
        if version.present:
            tree.put(path, version.value, stamp)
        else:
            tree.drop(path, stamp)
        if choice.others:
            conflicts[path] = choice
    return conflicts


def _latest_addition(elements: members.Members) -> Stamp:
    return max(stamp for element in elements.values() for stamp in element.added.values())


def _number(value: object) -> int:
    """What increments are added to: an assigned number, or nothing."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


class _Tree:
    """The value while it is put together. The record's own maps are never changed: those on a path are copied."""

    def __init__(self, value: object, is_there: bool, stamp: Stamp) -> None:
        self.value, self.is_there, self.stamp = value, is_there, stamp
        self._own: dict[int, object] = {}  # maps that are copies already, by identity

    def put(self, path: Path, value: object, stamp: Stamp) -> None:
        self.is_there = True
        self.stamp = max(self.stamp, stamp)
        if not path:
            self.value = value
            return
        self.value = at = self._copy(self.value)
        for name in path[:-1]:
            at[name] = at = self._copy(at.get(name))
        at[path[-1]] = value

    def drop(self, path: Path, stamp: Stamp) -> None:
        self.stamp = max(self.stamp, stamp)
        if not path:
            self.value, self.is_there = None, False
            return
        parent = self.get(path[:-1])
        if isinstance(parent, dict) and path[-1] in parent:
            self.value = at = self._copy(self.value)
            for name in path[:-1]:
                at[name] = at = self._copy(at[name])
            del at[path[-1]]

    def get(self, path: Path) -> object:
        at = self.value
        for name in path:
            at = at.get(name) if isinstance(at, dict) else None
        return at

    def _copy(self, value: object) -> dict[str, object]:
        """A map of our own: what is no map gives way to one."""
        if isinstance(value, dict) and id(value) in self._own:
            return value
        copied = dict(value) if isinstance(value, dict) else {}
        self._own[id(copied)] = copied
        return copied
