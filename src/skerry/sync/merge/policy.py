"""Which of several siblings is shown, as pure functions: the same siblings give the same choice everywhere.

No policy drops anything. The others stay until a version that covers them is written: by whoever saw
the conflict, or, under `custom`, by the one place that runs the function and writes its result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from skerry.base.errors import CodeError
from skerry.sync.clock import Stamp
from skerry.sync.merge.siblings import Siblings, Version


class Sibling(NamedTuple):
    """One of the versions that nobody has chosen among yet."""

    stamp: Stamp
    version: Version


class Choice(NamedTuple):
    """What is shown, and what is not."""

    shown: Sibling
    others: tuple[Sibling, ...]


class Policy(StrEnum):
    """How a collection wants it."""

    FIRST_WRITE = "first-write"
    SERVER_WINS = "server-wins"
    CLIENT_WINS = "client-wins"
    CUSTOM = "custom"
    MANUAL = "manual"


# the values of the siblings, oldest first, to the value that takes their place
Resolver: TypeAlias = Callable[[Sequence[object]], object]


def of(siblings: Siblings, since: Stamp) -> list[Sibling]:
    """The siblings that are not older than `since`, oldest first."""
    return [Sibling(s, siblings.versions[s]) for s in sorted(siblings.versions) if s >= since]


def choose(policy: Policy, siblings: Sequence[Sibling]) -> Choice:
    """What to show. `siblings` are one at least, oldest first.

    `custom` and `manual` show the latest until somebody has written what takes their place.
    """
    match policy:
        case Policy.FIRST_WRITE:
            shown = siblings[0]
        case Policy.SERVER_WINS:
            shown = _latest([s for s in siblings if s.version.server] or siblings)
        case Policy.CLIENT_WINS:
            shown = _latest([s for s in siblings if not s.version.server] or siblings)
        case Policy.CUSTOM | Policy.MANUAL:
            shown = _latest(siblings)
    return Choice(shown, tuple(s for s in siblings if s is not shown))


def resolve(siblings: Sequence[Sibling], resolver: Resolver) -> object:
    """The value that takes the place of all, by the user's function. Raises CodeError; then it is `manual`.

    Deletions are left out, so the function sees values only; there is one at least, or nothing to resolve.
    """
    values = [sibling.version.value for sibling in siblings if sibling.version.present]
    try:
        return resolver(values)
    except Exception as error:  # the user's own code may raise anything
        raise CodeError(
            "sync.resolver_failed",
            f"the resolver raised {type(error).__name__}: {error}",
            hint="until it works the latest version is shown, and the conflict stays listed",
        ) from error


def _latest(siblings: Sequence[Sibling]) -> Sibling:
    return siblings[-1]
