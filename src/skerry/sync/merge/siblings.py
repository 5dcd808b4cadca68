"""Versions beside each other: what was written without knowing of each other stays until somebody chooses.

A version replaces those that its writer had seen, by their stamps. Which of the rest is shown is a
policy, a pure function of them (skerry.sync.merge.policy).
"""

from __future__ import annotations

import msgspec

from skerry.sync.change import Covers
from skerry.sync.clock import Node, Stamp, node_of


class Version(msgspec.Struct, frozen=True, array_like=True):
    """A value, or (not `present`) a deletion. `server`: written at a hub and not at the edge."""

    value: object
    present: bool = True
    server: bool = False


class Siblings(msgspec.Struct, array_like=True):
    """`versions` by stamp, and of each node the latest version that was replaced."""

    versions: dict[Stamp, Version] = {}
    covered: dict[Node, Stamp] = {}


def write(siblings: Siblings, stamp: Stamp, version: Version, clear: Stamp) -> None:
    """A version came. One that is replaced already, or older than `clear`, stays away."""
    if stamp >= clear and stamp > siblings.covered.get(node_of(stamp), b""):
        siblings.versions.setdefault(stamp, version)


def cover(siblings: Siblings, covers: Covers, clear: Stamp) -> None:
    """These have been replaced."""
    for node, stamp in covers.items():
        if stamp < clear or stamp <= siblings.covered.get(node, b""):
            continue
        siblings.covered[node] = stamp
        for old in [s for s in siblings.versions if s <= stamp and node_of(s) == node]:
            del siblings.versions[old]


def hide(siblings: Siblings, clear: Stamp) -> None:
    """Forget what is older than `clear`."""
    for stamp in [stamp for stamp in siblings.versions if stamp < clear]:
        del siblings.versions[stamp]
    for node in [node for node, stamp in siblings.covered.items() if stamp < clear]:
        del siblings.covered[node]


def join(siblings: Siblings, other: Siblings, clear: Stamp) -> None:
    """Both copies' knowledge, into the first."""
    cover(siblings, other.covered, clear)
    for stamp, version in other.versions.items():
        write(siblings, stamp, version, clear)


def is_empty(siblings: Siblings) -> bool:
    """Whether nothing is known any more."""
    return not siblings.versions and not siblings.covered
