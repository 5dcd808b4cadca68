"""The process: desired state of one machine. `python -m skerry.control.service`

It reads the project, brings it to every engine, watches the files, and answers on control.sock. Engines
serve on without it; when it comes back it finds them by their sockets.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import cast

from skerry.base import environment
from skerry.base.clock import SystemClock
from skerry.base.errors import SkerryError
from skerry.base.finding import Finding
from skerry.control import state, tls, watch
from skerry.control.api import LINE_BYTES_MAX, Api, Ask, Events
from skerry.control.engines import EngineLink
from skerry.control.functions import Prover
from skerry.control.purge import purge_all
from skerry.control.reload import Outcome, Reload
from skerry.pop.compile import Ports
from skerry.pop.purge import Purge
from skerry.pop.rates import Rates
from skerry.spec.project import Level, Project


class Control:
    """The parts of control, joined. `told`: SKERRY_PART. Works in the run folder (paths of sockets are relative)."""

    def __init__(self, told: Mapping[str, object], run: Path) -> None:
        self.root = Path(str(told["root"]))
        pops = cast(
            "list[dict[str, object]]", told["pops"]
        )  # written by node.assemble, checked by its tests
        self.ports = {
            str(pop["name"]): Ports(int(str(pop["http_port"])), int(str(pop["https_port"])))
            for pop in pops
        }
        engine_token = (run / "engine.token").read_text()
        self.links = {
            name: EngineLink(name, f"engine-{name}.sock", engine_token) for name in self.ports
        }
        self.events = Events()
        self.rates = Rates(time.monotonic)
        self.bind = str(told["bind"])
        self.clock = SystemClock()
        self.tls_folder = Path(str(told["tls_dir"]))
        self.reload = Reload(
            read=self.read,
            functions=Prover(
                self.root,
                Path(str(told["state_dir"])) / "functions",
                "launcher.sock",
                (run / "launcher.token").read_text(),
                in_place=not told["deadlines"],
            ),
            links=list(self.links.values()),
            ports=self.ports,
            level=cast("Level | None", told["level"] or None),
            deadlines=bool(told["deadlines"]),
            run=run,
        )
        self.api = Api(
            (run / "control.token").read_text(),
            ops={
                "state": self.op_state,
                "status": self.op_status,
                "purge": self.op_purge,
                "explain_request": self.op_explain_request,
                "explain_url": self.op_explain_url,
                "reload": self.op_reload,
            },
            streams={"events": self.stream_events},
        )

    def read(self) -> Project:
        from skerry.readers import project  # loads the parsers: not before the socket answers

        return project.read(self.root)

    async def run(self, listener: socket.socket, ready: int) -> None:
        """Until cancelled. Says READY when the first state has been brought, or could not be."""
        server = await asyncio.start_unix_server(
            self.api.converse, sock=listener, limit=LINE_BYTES_MAX
        )
        async with server, asyncio.TaskGroup() as tasks:
            for link in self.links.values():
                tasks.create_task(link.keep())
            outcome = await self.reload.load()
            if outcome.kind == "rejected":
                await self.reload.recall()
            self.log(outcome)
            os.write(ready, b"READY\n")
            os.close(ready)
            tasks.create_task(self.watch())
            tasks.create_task(self.keep_tls())
            tasks.create_task(self.sample())

    async def watch(self) -> None:
        """Look for edits, for ever."""
        before = watch.marks(self.watched())
        listed = self.listed()
        while True:
            began = time.monotonic()
            after = watch.marks(self.watched())
            names = self.listed()
            took_s = time.monotonic() - began
            if after == before and names == listed:
                await asyncio.sleep(watch.interval_s(took_s))
                continue
            while True:  # wait for quiet
                await asyncio.sleep(watch.SETTLE_S)
                settled = watch.marks(self.watched())
                if settled == after:
                    break
                after = settled
            paths = [self.relative(path) for path in watch.changed(before, after)]
            before, listed = after, names
            await self.load_and_tell(paths)
            # The set of files may be another one now; what changed while loading is seen by its marks.
            before = {
                **watch.marks(self.watched()),
                **{path: mark for path, mark in before.items() if path in after},
            }

    def relative(self, path: str) -> str:
        """A path as a person in the project's folder would write it."""
        return os.path.relpath(path, self.root)

    async def keep_tls(self) -> None:
        """Once an hour: certificates that end, ticket keys that are due."""
        while True:
            await asyncio.sleep(tls.REFRESH_S)
            await self.furnish()

    async def furnish(self) -> None:
        """Bring the TLS folder to the served aliases; engines read it anew where it has changed."""
        desired = self.reload.desired
        if desired is None or not any(port.https for port in self.ports.values()):
            return
        variables = dict(os.environ)  # noqa: TID251 - says where the user's CA lies; trust reads it
        try:
            if await asyncio.to_thread(
                tls.furnish, desired.project, self.tls_folder, self.clock, variables
            ):
                tls.ask_for_swap()
        except SkerryError as error:
            sys.stderr.write(f"control: certificates stay as they are: {error.message}\n")

    async def load_and_tell(self, paths: list[str]) -> Outcome:
        """Reload and let everybody know, unless nothing came of it."""
        was_rejected = bool(self.reload.rejected)
        outcome = await self.reload.load()
        if outcome.kind == "applied":
            await self.furnish()
        if outcome.kind != "unchanged" or was_rejected:
            self.log(outcome)
            self.events.tell(
                outcome.kind if outcome.kind != "unchanged" else "applied",
                version=outcome.version,
                files=paths,
                findings=outcome.findings,
                pending=outcome.pending,
                functions=self.reload.desired.versions if self.reload.desired else {},
            )
        return outcome

    def watched(self) -> list[Path]:
        """The project's files, its folder for new ones, and the functions' code."""
        desired = self.reload.desired
        if desired is None:
            return [self.root / "skerry.toml", *self.root.glob("*.tf")]
        project = desired.project
        files = [self.root / name for name in project.files]
        return [
            self.root / "skerry.toml",
            *files,
            *(Path(each.source) for each in project.functions if each.source),
        ]

    def listed(self) -> tuple[tuple[str, ...], ...]:
        """Names of files that would be read if they appeared, per folder."""
        desired = self.reload.desired
        folders = {self.root}
        if desired is not None:
            folders |= {(self.root / name).parent for name in desired.project.files}
        return tuple(
            watch.names(folder, (".tf", ".tfvars", ".tf.json")) for folder in sorted(folders)
        )

    async def sample(self) -> None:
        """Counters once a second, so that `status` can tell rates."""
        while True:
            for link in self.links.values():
                counters = await state.counters(link)
                if counters:
                    self.rates.add(link.pop, counters)
            await asyncio.sleep(1.0)

    def log(self, outcome: Outcome) -> None:
        """One line in the node's log."""
        words = f"version {outcome.version} {outcome.kind}"
        if outcome.pending:
            words += f", pending: {', '.join(outcome.pending)}"
        errors = [finding for finding in outcome.findings if finding.level == "error"]
        sys.stderr.write(
            f"control: {words}\n" + "".join(f"control: {line(each)}\n" for each in errors)
        )
        sys.stderr.flush()

    # ---- ops

    async def op_state(self, _ask: Ask) -> dict[str, object]:
        return state.describe(self.reload, self.links, self.ports, self.bind)

    async def op_status(self, ask: Ask) -> dict[str, object]:
        found = await self.op_state(ask)
        found["engines"] = await state.statuses(self.links, self.rates)
        return found

    async def op_purge(self, ask: Ask) -> dict[str, object]:
        purge = Purge(
            paths=strings(ask, "paths"),
            hosts=strings(ask, "hosts"),
            tags=strings(ask, "tags"),
            all=bool(ask.get("all")),
            soft=bool(ask.get("soft")),
        )
        links = state.chosen(self.links, strings(ask, "pops"))
        return await purge_all(links, purge, float(str(ask.get("timeout_s", 10.0))))

    async def op_explain_request(self, ask: Ask) -> dict[str, object]:
        return await state.explain_request(self.links, str(ask.get("id", "")))

    async def op_explain_url(self, ask: Ask) -> dict[str, object]:
        return await state.explain_url(self.links, self.ports, ask)

    async def op_reload(self, _ask: Ask) -> dict[str, object]:
        outcome = await self.load_and_tell([])
        return {
            "kind": outcome.kind,
            "version": outcome.version,
            "findings": outcome.findings,
            "pending": outcome.pending,
        }

    async def stream_events(self, _ask: Ask) -> AsyncIterator[dict[str, object]]:
        with self.events.listen() as events:
            yield {"event": "listening"}
            async for event in events:
                yield event


def strings(ask: Ask, name: str) -> tuple[str, ...]:
    """A list of texts from a request; nothing where it is not one."""
    value = ask.get(name)
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def line(finding: Finding) -> str:
    """A finding on one line of a log."""
    return f"{finding.level}[{finding.code}] {finding.where}: {finding.message}"


async def serve(told: Mapping[str, object], listener: socket.socket, ready: int) -> None:
    """Run control until SIGTERM."""
    control = Control(told, Path())
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        if task is not None:
            loop.add_signal_handler(signum, task.cancel)
    try:
        await control.run(listener, ready)
    except asyncio.CancelledError:
        return  # SIGTERM: the engines keep serving, there is nothing of ours to finish


def main() -> int:
    """Start from what init has put into the environment."""
    descriptors = json.loads(environment.read("SKERRY_FDS"))
    told = json.loads(environment.read("SKERRY_PART"))
    listener = socket.socket(fileno=descriptors["control"])
    asyncio.run(serve(told, listener, descriptors["ready"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
