"""Whether a variable had a part in a value: what may be quoted in a finding, and what may not.

Values carry no marks through the functions. It is noted instead which variables were looked at while a value was
computed, so that a value made in any way of a variable's counts as one that came through it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from skerry.readers.quote import HIDDEN

PLAIN, VARIABLE, SENSITIVE = 0, 1, 2
Key = TypeVar("Key")


class Through(dict[str, object]):
    """Names that `for_each` or `dynamic` has bound to what came through a variable. level: as of the collection."""

    def __init__(self, level: int, names: dict[str, object]) -> None:
        super().__init__(names)
        self.level = level


class Trace:
    """Levels of what is being computed, the innermost last: PLAIN, VARIABLE (or a file's content), SENSITIVE."""

    def __init__(self, level: int = PLAIN) -> None:
        self._levels = [level]
        self._kept: dict[object, tuple[object, int]] = {}

    def touch(self, level: int) -> None:
        """What is being computed depends on something of this level."""
        if len(self._levels) > 1:
            self._levels[-1] = max(self._levels[-1], level)

    @property
    def level(self) -> int:
        """Of what is being computed, as far as that has got."""
        return self._levels[-1]

    @property
    def instead(self) -> str | None:
        """What findings say in place of values; None: the values themselves."""
        return HIDDEN if self.level else None

    @contextmanager
    def part(self, most: int = SENSITIVE) -> Iterator[None]:
        """A computation of its own, whose level, `most` at the most, counts for the one around it, too."""
        self._levels.append(PLAIN)
        try:
            yield
        finally:
            self.touch(min(self._levels.pop(), most))

    def kept(self, into: dict[Key, object], key: Key, compute: Callable[[], object]) -> object:
        """A value that is computed once, and whose level counts whenever it is asked for."""
        mark = (id(into), key)
        if key not in into:
            with self.part():
                into[key] = compute()
                self._kept[mark] = (
                    into,
                    self.level,
                )  # keeps `into` alive, so that its id stays its own
        self.touch(self._kept[mark][1])
        return into[key]
