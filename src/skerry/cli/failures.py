"""Calls of functions that failed, told while `skerry up` runs: one line a kind, and repeats as a count. Pure.

Two records speak of one failure: the functions' log at once, with what happened, and the access log up to a second
later, with the code. They are joined by the request id. In the standard log format there is no code; such a
failure is told without it when its time is up.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from skerry.base import reasons
from skerry.pop.records import Record, harmless

JOIN_S = 1.5  # an engine writes its access records once a second
REPEAT_S = 10.0
REMEMBERED_MAX = (
    1000  # texts whose code has not come: a busy site that fails must not fill the memory
)
NAMED = re.compile(r"Function '([^']*)'")
FRAME = re.compile(r'File "([^"]+)", line (\d+)')


@dataclass
class Kind:
    """How often one thing has failed since it was told last."""

    told_s: float
    more: int = 0
    words: str = ""
    request_id: str = ""


class Failures:
    """root: the project's folder, so that places are told as they are written there. at: for commands to paste."""

    def __init__(self, root: str, at: str = "") -> None:
        self._root = root
        self._at = at
        self._texts: dict[str, tuple[float, str, str]] = {}  # request id → when, function, words
        self._kinds: dict[tuple[str, str], Kind] = {}

    def hear(self, record: Record, now_s: float) -> Iterator[str]:
        """Lines to show for one record of any log."""
        request_id = str(record.get("request_id", ""))
        if record.get("stream") == "error":
            if len(self._texts) < REMEMBERED_MAX:
                text = str(record.get("text", ""))
                function = str(record.get("function", "?"))
                self._texts[request_id] = (now_s, function, happened(text, self._root))
            return
        code = str(record.get("reason", ""))
        if "path" not in record or not code.startswith("function.") or reasons.find(code) is None:
            return
        detail = str(record.get("detail", ""))
        named = NAMED.search(detail)
        heard = self._texts.pop(request_id, None)
        function, words = heard[1:] if heard else (named[1] if named else "?", harmless(detail))
        yield from self._fail(function, code, words, request_id, now_s)

    def due(self, now_s: float) -> Iterator[str]:
        """Lines whose time has come: failures that nobody gave a code, and counts of what goes on."""
        late = [one for one, (heard_s, *_) in self._texts.items() if now_s - heard_s >= JOIN_S]
        for request_id in late:
            _heard_s, function, words = self._texts.pop(request_id)
            yield from self._fail(function, "", words, request_id, now_s)
        for (function, code), kind in self._kinds.items():
            if kind.more and now_s - kind.told_s >= REPEAT_S:
                again = f"{kind.more} more, the last: {kind.words}"
                yield self._line(function, code, again, kind.request_id)
                kind.told_s, kind.more = now_s, 0

    def renew(self, functions: Collection[str]) -> Iterator[str]:
        """New versions of them serve: what was not told yet of the old ones; each kind is a first one again."""
        for function, code in [kind for kind in self._kinds if kind[0] in functions]:
            kind = self._kinds.pop((function, code))
            if kind.more:
                again = f"{kind.more} more before the edit, the last: {kind.words}"
                yield self._line(function, code, again, kind.request_id)

    def _fail(
        self, function: str, code: str, words: str, request_id: str, now_s: float
    ) -> Iterator[str]:
        kind = self._kinds.get((function, code))
        if kind is None:
            self._kinds[function, code] = Kind(now_s)
            yield self._line(function, code, words, request_id)
            return
        kind.more += 1
        kind.words, kind.request_id = words, request_id

    def _line(self, function: str, code: str, words: str, request_id: str) -> str:
        head = f"function {function} failed" + (f" ({code})" if code else "")
        return f"{head}: {words}\n  skerry explain{self._at} {request_id}"


def happened(text: str, root: str) -> str:
    """One line of what a function's failure left: of a traceback the error, and where the user's code raised it."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return "it left no words"
    if not lines[0].startswith("Traceback"):
        return harmless(lines[0])
    # an error's message may have lines of its own: it begins at the last line that is not indented under a frame
    frames = [number for number, line in enumerate(lines) if FRAME.search(line)]
    said = [line for line in lines[frames[-1] + 1 if frames else 1 :] if not line.startswith(" ")]
    words = harmless(said[0] if said else lines[-1].strip())
    own = [found for found in FRAME.findall(text) if found[0].startswith(f"{root}/")]
    if not own:
        return words
    path, line = own[-1]
    return f"{words} (at {path.removeprefix(f'{root}/')}:{line})"
