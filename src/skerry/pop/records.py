"""Access records and functions' output, as engines write them: parse, merge, follow.

`.skerry/log/POP.log` holds CloudFront's standard log format (tab-separated under a `#Fields:` line) or
JSON lines, `.skerry/log/functions.log` JSON lines `{"time", "pop", "function", "request_id", "stream",
"text"}`. Which of the two a file is, is seen line by line: the format may have been switched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

Record = dict[str, object]

TAIL_BYTES = 256 * 1024
FUNCTIONS = "functions"

# The standard format's first fields, for a file whose head has been rotated away (CloudFront Developer Guide,
# "Standard logging reference").
FIELDS = [
    *(
        "date",
        "time",
        "x-edge-location",
        "sc-bytes",
        "c-ip",
        "cs-method",
        "cs(Host)",
        "cs-uri-stem",
        "sc-status",
    ),
    *(
        "cs(Referer)",
        "cs(User-Agent)",
        "cs-uri-query",
        "cs(Cookie)",
        "x-edge-result-type",
        "x-edge-request-id",
    ),
    *(
        "x-host-header",
        "cs-protocol",
        "cs-bytes",
        "time-taken",
        "x-forwarded-for",
        "ssl-protocol",
        "ssl-cipher",
    ),
    *(
        "x-edge-response-result-type",
        "cs-protocol-version",
        "fle-status",
        "fle-encrypted-fields",
        "c-port",
    ),
    *("time-to-first-byte", "x-edge-detailed-result-type", "sc-content-type", "sc-content-len"),
    *("sc-range-start", "sc-range-end"),
]


class Log:
    """One file, read from where one was. source: the PoP's name, or `functions`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = path.stem
        self._fields = FIELDS
        self._offset = 0
        self._inode = 0
        self._partial = b""

    def skip_to_tail(self) -> None:
        """Start near the end: the last 256 KB are enough to show the last lines."""
        try:
            facts = self.path.stat()
        except OSError:
            return  # nothing was logged yet
        self._inode = facts.st_ino
        self._offset = max(0, facts.st_size - TAIL_BYTES)
        if self._offset:
            with self.path.open("rb") as file:
                self._head(file.readline(), file.readline())
                file.seek(self._offset)
                self._offset += len(file.readline())  # the first line is cut

    def skip_to_end(self) -> None:
        """Start with what is still to come."""
        self.skip_to_tail()
        self.new()

    def _head(self, *lines: bytes) -> None:
        for line in lines:
            self._line(line.decode(errors="replace").rstrip("\n"))

    def new(self) -> list[Record]:
        """Whole lines since the last call. A file that was replaced or cut is read from its start."""
        try:
            with self.path.open("rb") as file:
                facts = os.fstat(file.fileno())
                if facts.st_ino != self._inode or facts.st_size < self._offset:
                    self._inode, self._offset, self._partial = facts.st_ino, 0, b""
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return []  # not there yet
        self._offset += len(data)
        *lines, self._partial = (self._partial + data).split(b"\n")
        found = (self._line(line.decode(errors="replace")) for line in lines)
        return [record for record in found if record is not None]

    def _line(self, line: str) -> Record | None:
        if line.startswith("#"):
            if line.startswith("#Fields:"):
                self._fields = line.removeprefix("#Fields:").split()
            return None
        record = parse(line, self._fields)
        if record is not None:
            if self.source == FUNCTIONS:
                record.setdefault("pop", "")
            else:
                record["pop"] = self.source
        return record


def parse(line: str, fields: list[str]) -> Record | None:
    """One line to a record with CloudFront's field names, or None for a line that is neither format."""
    if line.startswith("{"):
        try:
            found = json.loads(line)
        except ValueError:
            return None  # torn by a crash
        return found if isinstance(found, dict) else None
    cells = line.split("\t")
    if len(cells) < 8:
        return None
    record: Record = {name: cell for name, cell in zip(fields, cells, strict=False) if cell != "-"}
    record["time"] = f"{record.pop('date', '')}T{record.get('time', '')}Z"
    return record


def merge(logs: list[Log]) -> list[Record]:
    """What is new in all of them, by time."""
    found = [record for log in logs for record in log.new()]
    found.sort(key=lambda record: str(record.get("time", "")).rstrip("Z"))  # `02Z` is before `02.5Z`
    return found


def logs_of(folder: Path, pops: tuple[str, ...]) -> list[Log]:
    """The logs to read: those of the named PoPs (all where none is named), and the functions'."""
    names = pops or tuple(
        sorted(path.stem for path in folder.glob("*.log") if path.stem not in ("node", FUNCTIONS))
    )
    return [Log(folder / f"{name}.log") for name in (*names, FUNCTIONS)]


def wanted(record: Mapping[str, object], pops: tuple[str, ...]) -> bool:
    """Whether a record is of one of the PoPs."""
    return not pops or record.get("pop") in pops


def tell(record: Mapping[str, object]) -> str:
    """A record for a person, one line."""
    clock = str(record.get("time", ""))[11:].rstrip("Z")
    pop = str(record.get("pop") or "-")
    if "text" in record:
        request = f" {record['request_id']}" if record.get("request_id") else ""
        return f"{clock}  {pop:<9} {record.get('function')}{request} {record.get('stream', '')}: {record['text']}"
    query = f"?{record['cs-uri-query']}" if record.get("cs-uri-query") else ""
    taken_ms = float(str(record.get("time-taken") or 0)) * 1000
    return (
        f"{clock}  {pop:<9} {record.get('cs-method', '-')} {unquote(str(record.get('cs-uri-stem', '-')))}{query} "
        f"{record.get('sc-status', '-')} {record.get('x-edge-result-type', '-')} {taken_ms:.0f} ms "
        f"{record.get('x-edge-request-id', '-')}"
    )


def last_request_id(logs: list[Log]) -> str:
    """Id of the newest request in the logs, or empty."""
    ids: Iterator[str] = (
        str(record["x-edge-request-id"])
        for record in reversed(merge(logs))
        if record.get("x-edge-request-id")
    )
    return next(ids, "")
