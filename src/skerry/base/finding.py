"""A finding: one thing that a person should know about what they wrote or what ran."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "note"]


class Place(msgspec.Struct, frozen=True, order=True):
    """Where: a file (relative to the project where it can be), line and column from 1; 0 = unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return (
            f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
        )


class Finding(msgspec.Struct, frozen=True):
    """One statement, the same shape from every room.

    code     stable, dotted, from rules/errors.toml (`terraform.unresolved_reference`)
    level    error: it will not run as written · warning: it runs otherwise than written · note
    where    file position, or a name in words (`origin API-Origin`)
    message  what is the matter, one sentence
    hint     what to do about it, one sentence or a line to paste; empty where nothing can be done
    rule     the vendor rule or RFC section that decides, or empty
    """

    code: str
    level: Severity
    where: Place | str
    message: str
    hint: str = ""
    rule: str = ""
