"""Hybrid logical clock: when a change was made, in 16 bytes whose order is the order of the changes.

A stamp is 48 bits of milliseconds since 1970, a counter of 16 bits and the 8 bytes of the node that
made it, all big-endian: comparing bytes compares times, then counters, then nodes. Stamps of one node
rise, a stamp made after another one was heard of is above it, and no two nodes make the same one.
(Kulkarni et al., "Logical Physical Clocks", 2014.)

Milliseconds and counter are one integer of 64 bits here, a *tick*. Adding one to it is the next
counter, and the counter's overflow is the next millisecond, so nothing has to wait for a full counter.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from skerry.base.errors import BugError, CallerError
from skerry.base.ids import ALPHABET

Stamp: TypeAlias = bytes
Node: TypeAlias = bytes

STAMP_BYTES = 16
NODE_BYTES = 8
COUNTER_BITS = 16
TEXT_CHARACTERS = 26  # 130 bits, two of them idle
# the year 4199: no clock says more, and no hub takes it from one that does, for a clock at the end of its bits could
# not go on, nor could any that has heard of it
MS_MAX = 2**46
ZERO: Stamp = bytes(STAMP_BYTES)  # before every stamp that a clock makes
_TICK_MAX = 2**64 - 1


class ClockState(NamedTuple):
    """What a clock must find again after a restart. Ticks: milliseconds << 16 | counter.

    `last` is the highest tick it has made or heard of; `heard` the highest that somebody else may
    know too, below which the clock can never be set back.
    """

    last: int = 0
    heard: int = 0


NEW = ClockState()


class HybridClock:
    """The clock of one node. It keeps no time of its own: the milliseconds are handed in.

    Whoever stores a change stores `state` in the same transaction; the next clock of the node is
    made from it, so that no stamp is made twice, whatever the machine's clock says by then.
    """

    __slots__ = ("heard", "last", "node")

    def __init__(self, node: Node, state: ClockState = NEW) -> None:
        if len(node) != NODE_BYTES:
            raise BugError("bug.unexpected", f"a node has {NODE_BYTES} bytes, not {len(node)}")
        self.node = node
        self.last, self.heard = state

    @property
    def state(self) -> ClockState:
        """To be stored."""
        return ClockState(self.last, self.heard)

    def tick(self, now_ms: int) -> Stamp:
        """The stamp of a change that is made now. Above every stamp made or heard of before."""
        now = min(now_ms, MS_MAX) << COUNTER_BITS
        last = self.last + 1
        self.last = last = now if now > last else last
        return last.to_bytes(8, "big") + self.node

    def observe(self, stamp: Stamp) -> None:
        """A change of somebody else has been taken in (or one of ours was accepted): stay above it."""
        tick = tick_of(stamp)
        if tick > self.heard:
            self.heard = tick
            if tick > self.last:
                self.last = tick

    def rewind(self, last: int) -> None:
        """After changes that nobody has seen were stamped anew, lower: go on from there.

        Never below what others may know.
        """
        self.last = max(last, self.heard)


def tick_of(stamp: Stamp) -> int:
    """Milliseconds << 16 | counter."""
    return int.from_bytes(stamp[:8], "big")


def millis(stamp: Stamp) -> int:
    """Milliseconds since 1970."""
    return int.from_bytes(stamp[:6], "big")


def node_of(stamp: Stamp) -> Node:
    """Who made it: origin and incarnation."""
    return stamp[8:]


def stamp_of(tick: int, node: Node) -> Stamp:
    """Put together again."""
    if not 0 <= tick <= _TICK_MAX:
        raise BugError("bug.unexpected", f"no tick of 64 bits: {tick}")
    return tick.to_bytes(8, "big") + node


def at_ms(milliseconds: int) -> Stamp:
    """The lowest stamp of a millisecond: below all that were made in it, above all before."""
    return stamp_of(milliseconds << COUNTER_BITS, bytes(NODE_BYTES))


def text(stamp: Stamp) -> str:
    """26 characters for people and file names; their order is the stamps'."""
    number = int.from_bytes(stamp, "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def parse(written: str) -> Stamp:
    """The stamp of `text`. Raises CallerError."""
    number = 0
    for character in written:
        digit = ALPHABET.find(character)
        if digit < 0:
            break
        number = number << 5 | digit
    else:
        if len(written) == TEXT_CHARACTERS and number < 2**128:
            return number.to_bytes(STAMP_BYTES, "big")
    raise CallerError(
        "sync.bad_stamp",
        f"{written!r} is no stamp",
        hint=f"a stamp has {TEXT_CHARACTERS} characters of {ALPHABET}",
    )
