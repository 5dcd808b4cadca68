"""What init tells: lines to whoever started it, a file for everybody else, a log."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from skerry.node.log import NodeLog, Voice


class Report:
    """Three receivers, none of which may stop init: an unread pipe or a full disk is ignored.

    notify  descriptor to which events go as JSON lines until `up` or an error; -1: nobody listens
    """

    def __init__(self, run: Path, notify: int) -> None:
        self._run = run
        self._notify = notify
        self._log: NodeLog | None = None

    def event(self, event: str, **facts: object) -> None:
        """One line to the starter: part, up, failed, error, stopped."""
        if self._notify >= 0:
            try:
                os.write(self._notify, (json.dumps({"event": event, **facts}) + "\n").encode())
            except OSError:
                self.close()

    def begin(self, log: NodeLog) -> None:
        """From now on, lines go there: the run is ours."""
        self._log = log

    def parts(self, parts: Mapping[str, Mapping[str, object]]) -> None:
        """Replace `.skerry/run/parts.json`: what `skerry status` and `doctor` know without asking anybody."""
        draft = self._run / "parts.new"
        try:
            draft.write_text(json.dumps({"init": os.getpid(), "parts": parts}))
            draft.replace(self._run / "parts.json")
        except OSError as error:
            self.say(f"cannot write parts.json: {error}")

    def say(self, text: str) -> None:
        """A line for the log of the node."""
        if self._log is not None:
            self._log.write(f"init: {text}\n".encode())
            return
        try:
            sys.stderr.write(f"init: {text}\n")
            sys.stderr.flush()
        except OSError:
            pass  # a log that cannot be written must not end what it describes

    def voice(self) -> Voice | None:
        """For the output of a process that is about to start; None: it shares ours."""
        return Voice(self._log) if self._log is not None else None

    def close(self) -> None:
        """The starter has heard enough, or has gone."""
        if self._notify >= 0:
            os.close(self._notify)
            self._notify = -1
