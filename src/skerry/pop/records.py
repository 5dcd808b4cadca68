"""Access records and functions' output, as engines write them: parse, merge, follow.

`.skerry/log/POP.log` holds JSON lines, `.skerry/log/POP.standard.log` CloudFront's standard log format (tab-separated
under a `#Fields:` line): a file has one format, and a run that asks for the other goes on in the other file.
`.skerry/log/functions.log` holds JSON lines of what functions printed. Whichever it was, a record leaves here with the
names of the JSON lines.
"""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from skerry.pop.logfile import source_of

Record = dict[str, object]

TAIL_BYTES = 256 * 1024
READ_BYTES = 1024 * 1024
HEAD_BYTES = 4096
FUNCTIONS = "functions"
NODE = "node"

# The standard format's field → ours. Fields that are not here stand in the file itself.
NAMES = {
    "x-edge-request-id": "request_id",
    "c-ip": "client_ip",
    "cs-protocol": "scheme",
    "cs-protocol-version": "protocol",
    "cs-method": "method",
    "x-host-header": "host",
    "cs-uri-stem": "path",
    "cs-uri-query": "query",
    "cs(Referer)": "referer",
    "cs(User-Agent)": "user_agent",
    "x-edge-result-type": "result",
    "x-edge-response-result-type": "response_result",
    "x-edge-detailed-result-type": "detailed_result",
    "sc-content-type": "content_type",
}
NUMBERS = {
    "sc-status": "status",
    "sc-bytes": "bytes_out",
    "cs-bytes": "bytes_in",
    "c-port": "client_port",
    "sc-content-len": "content_bytes",
    "sc-range-start": "range_start",
    "sc-range-end": "range_end",
}
SECONDS = {"time-taken": "time_us", "time-to-first-byte": "first_byte_us"}

# The standard format's fields in order, for a file whose head has been rotated away (CloudFront Developer Guide,
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


def pops_of(folder: Path) -> list[str]:
    """PoPs that have a log there, by name."""
    return sorted({source_of(path.stem) for path in folder.glob("*.log")} - {NODE, FUNCTIONS})


class Piece:
    """One file of a log, held open: it can be read to its end after it has lost its name. Raises OSError.

    Without a log's name there is nothing to wait for, so a line that was not finished there never will be.
    """

    def __init__(self, path: Path) -> None:
        self._number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._number)
        self._fields = FIELDS
        self._offset = 0
        self._partial = b""

    def facts(self) -> os.stat_result:
        """Size and identity."""
        return os.fstat(self._number)

    def skip_to_tail(self, tail_bytes: int) -> None:
        """Start that many bytes before the end, at a whole line."""
        start = max(0, self.facts().st_size - tail_bytes)
        if not start:
            return
        head = os.pread(self._number, HEAD_BYTES, 0).split(b"\n")[:2]
        for line in head:  # `#Fields:` is one of them
            self._line(line.decode(errors="replace"))
        self._offset = start
        while data := os.pread(self._number, READ_BYTES, self._offset):
            end = data.find(b"\n")  # what it begins with is cut
            self._offset += len(data) if end < 0 else end + 1
            if end >= 0:
                return

    def new(self) -> list[Record]:
        """Whole lines since the last call. A file that was cut is read from its start."""
        if self.facts().st_size < self._offset:
            self._offset, self._partial = 0, b""
        pieces = [self._partial]
        while data := os.pread(self._number, READ_BYTES, self._offset):
            self._offset += len(data)
            pieces.append(data)
        *lines, self._partial = b"".join(pieces).split(b"\n")
        found = (self._line(line.decode(errors="replace")) for line in lines)
        return [record for record in found if record is not None]

    def _line(self, line: str) -> Record | None:
        if line.startswith("#"):
            if line.startswith("#Fields:"):
                self._fields = line.removeprefix("#Fields:").split()
            return None
        return parse(line, self._fields)


class Log:
    """One log, read from where one was, from the file that was moved away to the one that has its name now.

    source: the PoP's name, or `functions`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.source = source_of(path.stem)
        self._older = path.with_name(f"{path.name}.1")
        self._pieces: list[Piece] = []

    def skip_to_tail(self) -> None:
        """Start near the end: the last 256 KB are enough to show the last lines."""
        self._advance()
        wanted = TAIL_BYTES
        for piece in reversed(self._pieces):
            piece.skip_to_tail(wanted)
            wanted = max(0, wanted - piece.facts().st_size)

    def new(self) -> list[Record]:
        """Whole lines since the last call, of one file after the other."""
        self._advance()
        found = [record for piece in self._pieces for record in piece.new()]
        # who was about to write when the name changed may still add a line to the one before
        del self._pieces[:-2]
        if self.source != FUNCTIONS:
            for record in found:
                record["pop"] = self.source
        return found

    def _advance(self) -> None:
        """Take what has come since: mostly nothing, or one file, or one that has lost the name again and one more."""
        newest = opened(self.path)
        if newest is None or any(same(newest, piece) for piece in self._pieces):
            return  # not there yet, or between two names, or still the one it was
        before = opened(self._older)
        if before is not None and not any(same(before, one) for one in (*self._pieces, newest)):
            self._pieces.append(before)
        self._pieces.append(newest)


def opened(path: Path) -> Piece | None:
    """A file that is there."""
    try:
        return Piece(path)
    except OSError:
        return None


def same(one: Piece, other: Piece) -> bool:
    """Both are held open, so neither's number can have been given to another file."""
    return os.path.samestat(one.facts(), other.facts())


class Logs:
    """All logs of a run, those too that appear later.

    pops  only of these; empty: of all
    past  whether to start with the tail of what is there, or with what is still to come
    whole whether the past is all that is there, not its tail
    """

    def __init__(
        self, folder: Path, pops: tuple[str, ...] = (), *, past: bool = True, whole: bool = False
    ) -> None:
        self._folder = folder
        self._pops = pops
        self._logs: dict[str, Log] = {}
        for log in self._found():
            if not whole:
                log.skip_to_tail()
            if not past:
                log.new()

    def _found(self) -> list[Log]:
        """Logs that were not known yet."""
        new = [
            Log(path)
            for path in sorted(self._folder.glob("*.log"))
            if path.stem not in self._logs
            and path.stem != NODE
            and (not self._pops or source_of(path.stem) in (*self._pops, FUNCTIONS))
        ]
        self._logs |= {log.path.stem: log for log in new}
        return new

    def new(self) -> list[Record]:
        """What was written since the last call, by time."""
        self._found()
        found = [record for log in self._logs.values() for record in log.new()]
        found = [record for record in found if not self._pops or record.get("pop") in self._pops]
        return sorted(found, key=time_ms)


def parse(line: str, fields: list[str]) -> Record | None:
    """One line to a record, or None for a line that is neither format."""
    if line.startswith("{"):
        try:
            found = json.loads(line)
        except ValueError:
            return None  # torn by a crash
        return found if isinstance(found, dict) else None
    cells = dict(zip(fields, line.split("\t"), strict=False))
    try:
        return of_standard({name: cell for name, cell in cells.items() if cell != "-"})
    except ValueError:
        return None  # torn, or no record at all


def of_standard(cells: Mapping[str, str]) -> Record:
    """A line of the standard format under our names. Raises ValueError."""
    if "date" not in cells or "cs-method" not in cells:
        raise ValueError("no record")
    at = datetime.fromisoformat(f"{cells['date']}T{cells['time']}+00:00")
    record: Record = {"time_ms": int(at.timestamp() * 1000)}
    record |= {ours: cells[name] for name, ours in NAMES.items() if name in cells}
    record |= {ours: int(cells[name]) for name, ours in NUMBERS.items() if name in cells}
    record |= {
        ours: round(float(cells[name]) * 1e6) for name, ours in SECONDS.items() if name in cells
    }
    return record


def outputs(folder: Path, request_id: str) -> list[Record]:
    """What functions printed and how they failed during one request, by time."""
    found = Log(folder / f"{FUNCTIONS}.log").new()
    return sorted((one for one in found if one.get("request_id") == request_id), key=time_ms)


def time_ms(record: Mapping[str, object]) -> float:
    """When it was, Unix milliseconds; what does not say comes first."""
    found = record.get("time_ms")
    return found if isinstance(found, int | float) else 0.0


def tell(record: Mapping[str, object]) -> str:
    """A record for a person, one line: time (UTC), PoP, request, result, why, how long, id."""
    clock = datetime.fromtimestamp(time_ms(record) / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    head = f"{clock}  {record.get('pop') or '-':<9}"
    if "text" in record:
        words = [record.get("function"), record.get("request_id"), record.get("stream")]
        return f"{head} {' '.join(str(word) for word in words if word)}: {tell_text(record)}"
    query = f"?{record['query']}" if record.get("query") else ""
    why = f" ({record['reason']})" if record.get("reason") else ""
    taken_ms = float(str(record.get("time_us") or 0)) / 1000
    request_id = record.get("request_id", "-")
    address = harmless(f"{record.get('host', '')}{unquote(str(record.get('path', '-')))}{query}")
    return (
        f"{head} {harmless(str(record.get('method', '-')))} {address} "
        f"{record.get('status', '-')} {record.get('result', '-')}{why} {taken_ms:.1f} ms {request_id}"
    )


def harmless(text: str) -> str:
    """What a viewer sent, for a terminal: `%1b[2J` in a path must not clear it, nor `%0a` forge a line."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def tell_text(record: Mapping[str, object]) -> str:
    """What a function printed; of a finding, its sentence."""
    text = str(record["text"]).rstrip("\n")
    if record.get("stream") == "finding":
        try:
            found = json.loads(text)
            return f"{found['code']}: {found['message']}"
        except (ValueError, KeyError, TypeError):
            return text  # not what an engine writes: show it as it is
    dropped = record.get("dropped_bytes")
    return text + (f" … {dropped} bytes more" if dropped else "")
