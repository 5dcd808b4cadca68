"""What findings quote: a value that stands in the files, or else the expression that it came from.

Values of variables are never written into messages (SECURITY.md). Whoever has a value to name in a finding asks here.
"""

from __future__ import annotations

from decimal import Decimal

WRITTEN_MAX = 80  # characters of an expression
HIDDEN = "(not shown)"


def value(found: object) -> str:
    """A value that may be seen: texts in quotes, all else as it is."""
    if isinstance(found, Decimal):
        return format(found, "f")  # never with an exponent
    return f'"{found}"' if isinstance(found, str) else str(found)


def expression(written: str) -> str:
    """An expression as it stands in the file, on one line."""
    line = " ".join(written.split()) or HIDDEN
    return f"`{line if len(line) <= WRITTEN_MAX else line[: WRITTEN_MAX - 1] + '…'}`"
