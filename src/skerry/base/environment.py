"""Environment variables: each stands in rules/environment.toml, and is read here.

Standard library only, for the node's init and the engine's shell read theirs through it too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping


def read(name: str, default: str = "", *, source: Mapping[str, str] | None = None) -> str:
    """The variable's text, or `default` where it is not set.

    source   where to look; the process's own environment where not given
    """
    return (os.environ if source is None else source).get(name, default)


def flag(name: str, *, source: Mapping[str, str] | None = None) -> bool:
    """Whether a yes-or-no variable says yes: anything but empty, 0, no, off, false."""
    return read(name, source=source).strip().lower() not in ("", "0", "no", "off", "false")
