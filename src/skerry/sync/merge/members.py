"""Sets: an element is in while there is an addition that no removal has seen (OR-set).

Of each node the highest addition is enough, and of each node the highest that was removed: a node's changes
to a record arrive in its order, so whoever has seen one of them has seen those before it.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from skerry.sync.change import Covers
from skerry.sync.clock import Node, Stamp, node_of


class Element(msgspec.Struct, array_like=True):
    """By node: the latest addition that counts, the latest that was removed."""

    added: dict[Node, Stamp] = {}
    removed: dict[Node, Stamp] = {}


Members: TypeAlias = dict[bytes, Element]


def include(members: Members, element: bytes, stamp: Stamp, clear: Stamp) -> None:
    """An element was added at `stamp`. What is older than `clear` has been replaced."""
    if stamp < clear:
        return
    found = members.get(element)
    if found is None:
        members[element] = found = Element()
    node = node_of(stamp)
    if stamp > found.removed.get(node, b"") and stamp > found.added.get(node, b""):
        found.added[node] = stamp


def exclude(members: Members, element: bytes, covers: Covers, clear: Stamp) -> None:
    """An element was removed, as far as the remover had seen it."""
    for node, stamp in covers.items():
        if stamp < clear:
            continue
        found = members.get(element)
        if found is None:
            members[element] = found = Element()
        if stamp > found.removed.get(node, b""):
            found.removed[node] = stamp
            if found.added.get(node, stamp + b"\0") <= stamp:
                del found.added[node]


def hide(members: Members, clear: Stamp) -> None:
    """Forget what is older than `clear`."""
    for element, found in list(members.items()):
        for cells in (found.added, found.removed):
            for node in [node for node, stamp in cells.items() if stamp < clear]:
                del cells[node]
        if not found.added and not found.removed:
            del members[element]


def join(members: Members, other: Members, clear: Stamp) -> None:
    """Both copies' knowledge, into the first."""
    for element, found in other.items():
        exclude(members, element, found.removed, clear)
        for stamp in found.added.values():
            include(members, element, stamp, clear)


def present(members: Members, since: Stamp) -> list[bytes]:
    """The elements that are in by additions not older than `since`, in the order of their bytes."""
    return sorted(
        element
        for element, found in members.items()
        if any(stamp >= since for stamp in found.added.values())
    )
