"""Notes about this machine that stay true for ever: told at a project's first start, then left to `skerry doctor`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any  # Any: control's answers are JSON

ONCE = frozenset({"function.shared_user"})


def untold(findings: Sequence[Mapping[str, Any]], file: Path) -> list[Mapping[str, Any]]:
    """Those findings that are still to be told; the file remembers, a line each, what was told to be told once."""
    try:
        told = set(file.read_text(encoding="utf-8").splitlines())
    except OSError:
        told = set()
    lines = {f"{each['code']} {each['message']}" for each in findings if each["code"] in ONCE}
    if lines - told:
        with suppress(OSError):  # then it is told again next time, which does no harm
            file.write_text("\n".join(sorted(told | lines)) + "\n", encoding="utf-8")
    return [
        each
        for each in findings
        if each["code"] not in ONCE or f"{each['code']} {each['message']}" not in told
    ]
