"""Errors carry a code, a sentence and a way out, and end a command with the code of their class."""

from __future__ import annotations

import pytest

from skerry.base import errors
from skerry.base.finding import Finding


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [
        (errors.ConfigError, 2),
        (errors.CallerError, 3),
        (errors.UpstreamError, 4),
        (errors.CodeError, 5),
        (errors.BusyError, 6),
        (errors.BugError, 70),
    ],
)
def test_exit_codes(kind: type[errors.SkerryError], exit_code: int) -> None:
    error = kind("a.b", "It broke.", hint="Mend it.", about="the thing")
    assert error.exit_code == exit_code
    assert (error.code, str(error), error.hint, error.about) == (
        "a.b",
        "It broke.",
        "Mend it.",
        "the thing",
    )


def test_config_error_keeps_every_finding() -> None:
    findings = [Finding("a.b", "error", "here", "one"), Finding("a.c", "error", "there", "two")]
    assert errors.ConfigError("a", "m", findings=findings).findings == tuple(findings)
