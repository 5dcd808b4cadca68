"""Parts of a run that ended and were started again, told once each. What init writes about its parts is read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path


class Restarts:
    """path: `.skerry/run/parts.json`. What has happened before this was made is past."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark = (0, 0)
        self._told: dict[str, int] = {}
        self._told = {name: restarts for name, restarts, _part in self._read()}

    def new(self) -> Iterator[str]:
        """A line for each part that serves again. It costs a stat(2) where nothing has happened."""
        for name, restarts, part in self._read():
            if restarts > self._told.get(name, 0) and part.get("state") == "ready":
                self._told[name] = restarts
                yield (
                    f"{name} was restarted (pid {part.get('pid')}): {part.get('ended') or 'it ended'};"
                    " .skerry/log/node.log has more"
                )

    def _read(self) -> Iterator[tuple[str, int, dict[str, object]]]:
        try:
            facts = self._path.stat()
            mark = (facts.st_mtime_ns, facts.st_ino)
            if mark == self._mark:
                return
            found = json.loads(self._path.read_text())["parts"]
        except (OSError, ValueError, KeyError):
            return  # the run is ending
        self._mark = mark
        for name, part in found.items():
            yield name, int(part["restarts"]), part
