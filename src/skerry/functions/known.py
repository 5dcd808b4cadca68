"""Functions as the launcher knows them: what control defined, kept on disk for the launcher's successor.

No msgspec here: the launcher is the image of every worker, and each import costs each of them.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from skerry.process.identity import first_unreadable
from skerry.process.ladder import Hold

# Engines swap snapshots one after another, and a call may be bound to the one before: some old versions
# stay. Their frozen folders stay as long (store.prune).
VERSIONS_KEPT = 4
LOAD_BYTES_MAX = 64 * 1024


@dataclass(frozen=True)
class Known:
    """One version of a function.

    source   the frozen folder; origin: where the user wrote it
    python   folders of packages, colon-separated as in PATH; may be empty
    """

    name: str
    version: str
    source: str
    handler: str
    origin: str = ""
    python: str = ""
    memory_mb: int = 128
    timeout_s: float = 30.0
    egress: Any = "any"  # Any: a word or a list of hosts, which a later rung of the ladder reads
    env: dict[str, str] = field(default_factory=dict)


class BadDefinition(Exception):
    """A row of `define` that no function can be made of. The message names the key."""


def read_row(row: object) -> Known:
    """One row of `define`. Raises BadDefinition."""
    if not isinstance(row, dict):
        raise BadDefinition("each function must be an object")
    unknown = set(row) - set(Known.__dataclass_fields__)
    if unknown:
        raise BadDefinition(f"unknown key {sorted(unknown)[0]!r}")
    for key in ("name", "version", "source", "handler"):
        if not isinstance(row.get(key), str) or not row[key]:
            raise BadDefinition(f"{key} must be a string that is not empty")
    env = row.get("env") or {}
    if not isinstance(env, dict) or not all(isinstance(v, str) for v in env.values()):
        raise BadDefinition("env must be an object of strings")
    for key in ("memory_mb", "timeout_s"):
        value = row.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise BadDefinition(f"{key} must be a number above 0")
    if not Path(row["source"]).is_absolute():
        raise BadDefinition("source must be an absolute path")
    if len(json.dumps(row)) > LOAD_BYTES_MAX:
        raise BadDefinition(f"the definition is over {LOAD_BYTES_MAX} bytes")
    return Known(
        **{
            **row,
            "env": env,
            "python": row.get("python") or "",
            "memory_mb": int(row.get("memory_mb", 128)),
        }
    )


class Functions:
    """All that is known, by (name, version), in the order of definition."""

    def __init__(self, kept_in: Path | None) -> None:
        self._kept_in = kept_in
        self._known: dict[tuple[str, str], Known] = {}
        self.holds: dict[tuple[str, str], Hold] = {}

    def names(self) -> list[dict[str, str]]:
        """All that may be leased, oldest first: control removes frozen folders of none of these."""
        return [{"function": name, "version": version} for name, version in self._known]

    def find(self, name: str, version: str) -> Known | None:
        return self._known.get((name, version))

    def versions(self, name: str) -> list[str]:
        return [v for n, v in self._known if n == name]

    def define(self, rows: list[Known]) -> list[bool]:
        """Add or renew; forget all but the newest versions of each name. Returns which were not known before."""
        new = []
        for row in rows:
            key = (row.name, row.version)
            new.append(self._known.pop(key, None) is None)
            self.holds.pop(key, None)
            self._known[key] = row
            for old in self.versions(row.name)[:-VERSIONS_KEPT]:
                del self._known[row.name, old]
                self.holds.pop((row.name, old), None)
        self._keep()
        return new

    def forget(self, name: str, version: str) -> None:
        """Of no use after all: it must not push out one that is."""
        if self._known.pop((name, version), None) is not None:
            self.holds.pop((name, version), None)
            self._keep()

    def _keep(self) -> None:
        if self._kept_in is None:
            return
        draft = self._kept_in.with_suffix(".new")
        # 0600: a function's variables may be secrets
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump([asdict(known) for known in self._known.values()], file)
        draft.replace(self._kept_in)

    def recall(self) -> None:
        """What the last launcher knew: workers can be had at once though control may be gone."""
        if self._kept_in is None:
            return
        # a missing or torn file costs a wait for control's next `define`, no more
        with contextlib.suppress(OSError, ValueError, BadDefinition):
            for row in json.loads(self._kept_in.read_text()):
                known = read_row(row)
                if Path(known.source).is_dir():
                    self._known[known.name, known.version] = known


def code_unreadable(known: Known) -> str:
    """A path of the function's code or packages that a stranger cannot read; empty: there is none."""
    return first_unreadable([known.source, *filter(None, known.python.split(":"))])
