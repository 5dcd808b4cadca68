"""The question before something is removed."""

from __future__ import annotations

import sys

import click

from skerry.base.errors import CallerError


def ask(question: str) -> None:
    """Go on after a yes. Raises click.Abort for a no, CallerError where the input ends without an answer."""
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:  # Ctrl-C and Ctrl-D of a person, too
        if sys.stdin.isatty():
            raise
        sys.stderr.write("\n")
        raise CallerError(
            "cli.no_answer",
            "nobody is there to be asked, so nothing was removed",
            hint="--yes says it beforehand",
        ) from None
    if not agreed:
        raise click.Abort
