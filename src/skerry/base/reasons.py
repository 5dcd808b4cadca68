"""What a code or a reason means, whichever table it stands in. Offline and pure.

Four kinds of words leave Skerry: codes of errors and findings (`origin.unmapped`: errors.toml, contract.toml),
names of what went wrong with a request (`origin-unmapped`: failures.toml), reasons of the cache (`no-store`:
reasons.toml), and outcomes (`LambdaExecutionError`: outcomes.toml). People paste any of them; here each is found.
"""

from __future__ import annotations

from collections.abc import Iterator

from skerry.base import tables


def find(word: str) -> dict[str, str] | None:
    """`code`, `class`, `meaning`, `todo`, or for a reason `reason`, `group`, `meaning`; None for a stranger."""
    return next((found for name, found in every() if name == word), None)


def names() -> list[str]:
    """Every word that `find` knows."""
    return [name for name, _ in every()]


def every() -> Iterator[tuple[str, dict[str, str]]]:
    """(word, what is known of it), each word once."""
    for table in ("errors", "contract"):
        for room, rows in tables.load(table).items():
            for name, row in rows.items():
                yield f"{room}.{name}", {"code": f"{room}.{name}", **row}
    for name, row in tables.load("failures").items():
        yield name, {"code": name, **row}
    for table in ("reasons", "outcomes"):
        for group, words in tables.load(table).items():
            for name, meaning in words.items():
                yield name, {"reason": name, "group": group, "meaning": meaning}
