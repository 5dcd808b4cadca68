"""Names of the files that access records go to. A module of its own, for an engine's process imports little."""

from __future__ import annotations

STANDARD = ".standard"  # behind the PoP's name, where a file has CloudFront's standard format


def file_of(pop: str, format: str) -> str:
    """The file that a PoP writes records of this format (`json` or `standard`) into: a file has one format."""
    return f"{pop}{STANDARD if format == 'standard' else ''}.log"


def source_of(stem: str) -> str:
    """Whose records a file holds, by its name without `.log`: a PoP's name, `functions` or `node`."""
    return stem.removesuffix(STANDARD)
