"""Errors by whose fault they are. A code, a sentence, a way out; never a deep tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from skerry.base.finding import Finding


class SkerryError(Exception):
    """Base of all. `code` stands in rules/errors.toml; `hint` is the way out; `about` names the thing."""

    exit_code: ClassVar[int] = 70

    def __init__(self, code: str, message: str, *, hint: str = "", about: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.about = about


class ConfigError(SkerryError):
    """The operator wrote it wrong. `findings` holds every problem that was found, not only the first."""

    exit_code = 2

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        about: str = "",
        findings: Sequence[Finding] = (),
    ) -> None:
        super().__init__(code, message, hint=hint, about=about)
        self.findings = tuple(findings)


class CallerError(SkerryError):
    """A client, device or SDK asked for something that cannot be."""

    exit_code = 3


class UpstreamError(SkerryError):
    """An origin, cloud or peer failed."""

    exit_code = 4


class CodeError(SkerryError):
    """The user's own function or program threw, timed out or broke a limit."""

    exit_code = 5


class BusyError(SkerryError):
    """We shed load, drain, or are cut off: the same call may work later."""

    exit_code = 6


class BugError(SkerryError):
    """An invariant of ours broke. Please report it with its id."""
