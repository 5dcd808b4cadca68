"""The sandbox ladder: how far a worker is shut in, one ladder for every kind of guest.

T0      limits of the kernel (`limits`), no_new_privs, only the descriptors it was given
T1-uid  T0 and a user of its own (`identity`)

Above them the ladder goes on (Landlock and seccomp, namespaces, virtual machines); a rung that is not
here yet is refused by name, never taken for a lower one.
"""

from __future__ import annotations

from dataclasses import dataclass

from skerry.process.identity import Identity, Offer

RUNGS = ("T0", "T1-uid")
LATER = ("T1", "T2", "T3")


@dataclass(frozen=True)
class Hold:
    """The rung a worker stands on. `said`: what the operator must hear about it; empty: nothing."""

    rung: str
    identity: Identity | None
    said: str


class NoSuchHold(Exception):
    """A named rung cannot be had on this machine: the worker must not start."""


def climb(wanted: str, offered: Offer) -> Hold:
    """The rung for a worker. Pure.

    wanted   `auto` takes the best there is and says which; a named rung fails closed.
    Raises NoSuchHold.
    """
    if wanted in LATER:
        raise NoSuchHold(f"sandbox {wanted} is not built yet; there are auto, {', '.join(RUNGS)}")
    if wanted not in ("auto", *RUNGS):
        raise NoSuchHold(f"there is no sandbox {wanted!r}; there are auto, {', '.join(RUNGS)}")
    if wanted == "T0":
        return Hold("T0", None, "")
    if offered.identity is not None:
        return Hold("T1-uid", offered.identity, "")
    if wanted == "T1-uid":
        raise NoSuchHold(f"no user of its own for this function: {offered.why}")
    return Hold("T0", None, f"functions run as Skerry's own user: {offered.why}")
