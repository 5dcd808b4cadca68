"""`skerry up` while it runs: edits as they are taken, keys, and an orderly end."""

from __future__ import annotations

import json
import os
import selectors
import shlex
import signal
import sys
import time
import webbrowser
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any  # Any: control's answers are JSON

from skerry.base.errors import SkerryError
from skerry.base.finding import Finding, Severity
from skerry.cli import greeting, logs, render
from skerry.cli.failures import Failures
from skerry.cli.keyboard import Keyboard
from skerry.cli.restarts import Restarts
from skerry.control.client import Client
from skerry.node.start import Starting
from skerry.pop import explain, records

TICK_S = 0.1
FILES_TOLD_MAX = 3
HEADER_RULE = "Developer Guide: Restrictions on edge functions, HTTP headers"
KEYS = "keys: b browser · l logs · p purge · e explain last · q quit"


class Foreground:
    """One terminal, one run."""

    def __init__(self, root: Path, starting: Starting, state: dict[str, Any], at: str = "") -> None:
        """at: the project's folder, where it is not the one that the user is in."""
        self._root = root
        self._failures = Failures(str(root), f" --at {shlex.quote(at)}" if at else "")
        self._restarts = Restarts(root / ".skerry" / "run" / "parts.json")
        self._last_id = ""
        self._logs_since_ms = 0
        self._starting = starting
        self._state = state
        self._ending = False
        self._folder = root / ".skerry" / "log"
        self._logs = records.Logs(self._folder, past=False)
        self._logs_on = False
        self._told: set[tuple[str, ...]] = set()
        self._standing = set(map(kind, greeting.read_findings(state["findings"])))
        self._noted = set(self._standing)
        self._versions = {each["name"]: each["version"] for each in state.get("functions", ())}
        self._deeds = {
            "b": lambda: webbrowser.open(state["pops"][0]["http"]),
            "l": self._switch_logs,
            "p": self._purge,
            "e": self._explain_last,
            "q": self._end,
        }

    def run(self) -> int:
        """Until the run has ended; its exit code. A second Ctrl-C ends it at once."""
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, lambda *_: self._end())
        keys = sys.stdin.isatty() and sys.stdout.isatty()
        with ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            keyboard = Keyboard(sys.stdin.fileno(), selector) if keys else None
            ended = os.pidfd_open(self._starting.process.pid)
            selector.register(ended, selectors.EVENT_READ, "end")
            if keyboard is not None:
                render_line(f"\n{KEYS}")
                stack.enter_context(keyboard)
            events = self._listen(selector)
            while self._starting.process.poll() is None:
                for key, _mask in selector.select(TICK_S):
                    if key.data == "key":
                        self._press(os.read(sys.stdin.fileno(), 1).decode(errors="replace"))
                    elif key.data == "events" and events is not None and not self._hear(events):
                        selector.unregister(events)
                        os.close(events)
                        events = None
                if events is None and not self._ending:
                    events = self._listen(selector)
                if keyboard is not None:
                    keyboard.tend()
                self._show_logs()
            os.close(ended)
        return 0 if self._ending else self._starting.process.returncode

    def _end(self) -> None:
        if not self._ending:
            render_line("stopping")
        self._ending = True
        if self._starting.process.poll() is None:
            self._starting.process.send_signal(signal.SIGTERM)

    # ---- events of control

    def _listen(self, selector: selectors.BaseSelector) -> int | None:
        """Subscribe; None while control restarts (then the next tick tries again)."""
        try:
            client = Client(self._root, timeout_s=2.0)
            follow = client.follow("events")
            next(follow)  # `listening`
        except SkerryError:
            return None
        number = os.dup(client.fileno())
        client.close()
        selector.register(number, selectors.EVENT_READ, "events")
        return number

    def _hear(self, number: int) -> bool:
        """What there is to say about edits. False: control has gone."""
        data = os.read(number, 1 << 20)
        for line in data.splitlines():
            self._tell(json.loads(line))
        return bool(data)

    def _tell(self, event: dict[str, Any]) -> None:
        files = ", ".join(edited(event.get("files", ()))) or "reloaded"
        found = greeting.read_findings(event.get("findings", []))
        if event["event"] == "rejected":
            render_line(f"{files}: not taken, version {event['version']} keeps serving")
            render.findings(self._untold(found), sys.stderr)
            return
        self._count_anew(event.get("functions", {}))
        pending = f", waiting for {', '.join(event['pending'])}" if event.get("pending") else ""
        failed = any(finding.level == "error" for finding in found)
        but = ", all but what is wrong below" if failed else ""
        render_line(f"{files}: version {event['version']} serves{but}{pending}")
        new = self._untold(found)
        self._standing = set(map(kind, found))
        render.findings(new, sys.stderr)

    def _count_anew(self, versions: dict[str, str]) -> None:
        """Failures of a function that has another version now are not those of the one before."""
        new = [name for name, version in versions.items() if self._versions.get(name) != version]
        self._versions = versions
        for line in self._failures.renew(new):
            render_line(line)

    def _untold(self, found: Sequence[Finding]) -> list[Finding]:
        """Errors each time; a warning unless it stood there before this edit, so that one that comes back is told
        again; a note once a run, for it asks for nothing."""
        new = [
            finding
            for finding in found
            if finding.level == "error"
            or kind(finding) not in (self._noted if finding.level == "note" else self._standing)
        ]
        self._noted |= set(map(kind, found))
        return new

    # ---- keys

    def _press(self, key: str) -> None:
        deed = self._deeds.get(key)
        if deed is None:
            return
        try:
            deed()
        except SkerryError as error:
            render.error(error, sys.stderr)

    def _switch_logs(self) -> None:
        self._logs_on = not self._logs_on
        # what waits at an engine to be written is past; records have whole milliseconds
        self._logs_since_ms = int(time.time() * 1000)
        render_line("logs on" if self._logs_on else "logs off")

    def _show_logs(self) -> None:
        now_s = time.monotonic()
        for record in self._logs.new():
            if self._logs_on and records.time_ms(record) >= self._logs_since_ms:
                render_line(logs.readable(record, str(self._root), sys.stderr))
            if "path" in record and record.get("request_id"):
                self._last_id = str(record["request_id"])
            self._tell_finding(record)
            for line in self._failures.hear(record, now_s):
                render_line(line)
        for line in (*self._failures.due(now_s), *self._restarts.new()):
            render_line(line)

    def _tell_finding(self, record: records.Record) -> None:
        """What an engine found in a function's result: each kind once, or a busy site would fill the screen."""
        found = function_finding(record)
        if found is None:
            return
        if kind(found) not in self._told:
            self._told.add(kind(found))
            render_line("")
            render.findings([found], sys.stderr)

    def _purge(self) -> None:
        with Client(self._root) as control:
            answer = control.ask("purge", all=True)
        render_line(f"purged everything on {', '.join(each['pop'] for each in answer['done'])}")

    def _explain_last(self) -> None:
        """The last request of this run, not of one before it."""
        logs.settle(self._root)
        self._show_logs()
        if not self._last_id:
            render_line("no request yet")
            return
        with Client(self._root) as control:
            answer = control.ask("explain_request", id=self._last_id)
        render_line(explain.tell(answer["explained"], answer["pop"]))
        output = records.outputs(self._folder, self._last_id)
        if output:
            render_line("\n" + explain.tell_outputs(output))


def kind(finding: Finding) -> tuple[str, str, str]:
    """What makes two findings the same one."""
    return (finding.code, str(finding.where), finding.message)


def edited(files: Sequence[str]) -> list[str]:
    """The first few of what was edited; a folder is not named beside what changed in it."""
    inner = [one for one in files if not any(other.startswith(f"{one}/") for other in files)]
    return inner[:FILES_TOLD_MAX]


def render_line(text: str) -> None:
    """A line of talk."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def function_finding(record: records.Record) -> Finding | None:
    """The finding in a line of functions.log, or None for any other line."""
    if record.get("stream") != "finding":
        return None
    try:
        found = json.loads(str(record["text"]))
        level: Severity = "error" if found["level"] == "error" else "warning"
        where = f"function {record.get('function')}, {found.get('event', '')}"
        about, hint = str(found.get("about") or ""), str(found.get("hint") or "")
        message = f"{about}: {found['message']}" if about else str(found["message"])
        code = str(found["code"])
        rule = HEADER_RULE if code.startswith("function.header_") else ""
        return Finding(code, level, where, message, hint, rule)
    except (ValueError, KeyError, TypeError):
        return None  # `skerry logs` shows the line as it is
