"""Sizes and durations as people write them. Inside, a size is bytes and a duration is seconds."""

from __future__ import annotations

import re

# decimal as in `outbox_bytes_max = 2_000_000_000`; the binary ones under their own names (IEC 80000-13)
BYTES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)\s*", re.IGNORECASE)
SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)\s*")


def parse_bytes(text: str) -> int:
    """`512 MB` → 512_000_000, `1 MiB` → 1_048_576. Raises ValueError with the units there are."""
    found = SIZE.fullmatch(text)
    if found is None or found[2].lower() not in BYTES:
        raise ValueError(f"`{text}` is no size: a number and one of B, kB, MB, GB, TB, KiB … TiB")
    return round(float(found[1]) * BYTES[found[2].lower()])


def parse_duration_s(text: str) -> float:
    """`90s`, `1m30s`, `250ms` → seconds; a bare number is refused. Raises ValueError."""
    text = text.strip()
    parts = list(SPAN.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f"`{text}` is no duration: write it as 250ms, 30s, 1m30s, 2h or 7d")
    return sum(float(part[1]) * SECONDS[part[2]] for part in parts)


def format_bytes(count: int) -> str:
    """Three digits that matter and a decimal unit: 1_234_567 → `1.23 MB`."""
    if abs(count) < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if abs(value) < 999.5:
            return f"{digits(value)} {unit}"
    return f"{digits(value / 1000)} TB"


def format_duration(duration_s: float) -> str:
    """Three digits that matter: 0.00042 → `0.42 ms`, 75 → `1m15s`, 7200 → `2h`."""
    if duration_s < 1:
        return f"{digits(duration_s * 1000)} ms"
    if duration_s < 60:
        return f"{digits(duration_s)} s"
    rest, text = round(duration_s), ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if rest >= size:
            text += f"{rest // size}{unit}"
            rest %= size
    return text


def digits(value: float) -> str:
    """A number with three digits that matter and no idle zeros."""
    places = 0 if abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
