"""The processes of a run: who sits on which seat, who comes after whom. Effects are handed in by init."""

from __future__ import annotations

import os
import selectors
import signal
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from skerry.node import backoff
from skerry.node.assemble import Seat
from skerry.node.leases import Leases
from skerry.node.log import Voice
from skerry.node.report import Report
from skerry.node.timers import Timers
from skerry.process import pidfd, supervise
from skerry.process.spawn import Started, spawn

START_ATTEMPTS = 3  # of a part that has never been ready: then it will not be
LAST_PIECES = (
    16  # of what a process has said that has ended; who writes on behind it is heard later
)
READY_WAIT_S = 30.0  # for a replacement; after that the old process stays


@dataclass
class Process:
    """One process of a seat. role: serves · next (waits to take over) · old (drains)."""

    child: Started
    seat: str
    role: str
    since: float
    voice: Voice | None = None
    ready: bool = False

    @property
    def pid(self) -> int:
        return self.child.pid


@dataclass
class Chair:
    """What is remembered of a seat between processes."""

    seat: Seat
    failures: int = 0
    restarts: int = 0
    ended: str = ""  # how the last of its processes ended that had to be replaced
    ever_ready: bool = False
    processes: list[Process] = field(default_factory=list)

    def of(self, role: str) -> Process | None:
        return next((process for process in self.processes if process.role == role), None)


class Tree:
    """Starts seats, restarts what dies, swaps what is asked to, stops in rounds.

    sockets  name → listener, bound by init
    done     called with the exit code when a stop is complete or a first start is hopeless
    """

    def __init__(
        self,
        seats: list[Seat],
        sockets: Mapping[str, socket.socket],
        *,
        run: Path,
        drain_s: float,
        selector: selectors.BaseSelector,
        timers: Timers,
        leases: Leases,
        report: Report,
        done: Callable[[int], None],
    ) -> None:
        self.chairs = {seat.name: Chair(seat) for seat in seats}
        self._sockets = sockets
        self._run = run
        self._drain_s = drain_s
        self._selector = selector
        self._timers = timers
        self._leases = leases
        self._report = report
        self._done = done
        self._by_pid: dict[int, Process] = {}
        self._up = False
        self._stopping: int | None = None  # round of the stop under way
        self._code = 0
        self._over = False

    # ---- starting

    def start_all(self) -> None:
        for chair in self.chairs.values():
            self._start(chair, "serves")

    def _start(self, chair: Chair, role: str) -> None:
        if self._stopping is not None:
            return
        seat = chair.seat
        numbers: dict[str, int | list[int]] = {}
        for kind, names in seat.sockets.items():
            found = [self._sockets[name].fileno() for name in names]
            numbers[kind] = found if kind in ("http", "https") else found[0]
        ready_read, ready_write = os.pipe()  # close-on-exec both; the child keeps its end by number
        lent: list[socket.socket] = []
        if seat.part.health == "ready":
            numbers["ready"] = ready_write
        if seat.part.channel:
            lent.append(self._leases.open_channel())
            numbers["init"] = lent[0].fileno()
        voice = self._report.voice()
        output = voice.theirs if voice is not None else None
        child = spawn(seat.argv, seat.environment, numbers, folder=str(self._run), output=output)
        os.close(ready_write)
        for channel in lent:
            channel.close()
        process = Process(child, seat.name, role, self._timers.now(), voice)
        chair.processes.append(process)
        self._by_pid[child.pid] = process
        if voice is not None:
            os.close(voice.theirs)
            self._selector.register(
                voice.ours, selectors.EVENT_READ, lambda: self._write_down(process)
            )
        if seat.part.health == "ready":
            self._selector.register(
                ready_read, selectors.EVENT_READ, lambda: self._heard(process, ready_read)
            )
        else:
            os.close(ready_read)
            self._ready(process)
        self._tell()

    def _write_down(self, process: Process) -> None:
        """What a process has said, until nobody is left who holds the other end of its output."""
        voice = process.voice
        if voice is not None and not voice.hear():
            self._selector.unregister(voice.ours)
            os.close(voice.ours)
            process.voice = None

    def _heard(self, process: Process, ready_read: int) -> None:
        said = os.read(ready_read, 64)
        self._selector.unregister(ready_read)
        os.close(ready_read)
        if said:  # nothing: it ended before it could serve, and waitpid tells that too
            self._ready(process)

    def _ready(self, process: Process) -> None:
        chair = self.chairs[process.seat]
        process.ready = chair.ever_ready = True
        if process.role == "next":
            self._take_over(chair, process)
        self._report.event("part", name=process.seat, pid=process.pid, state="ready")
        if not self._up and all(each.ever_ready for each in self.chairs.values()):
            self._up = True
            self._report.event("up")
            self._report.close()
        self._tell()

    # ---- swapping

    def swap(self, name: str) -> None:
        """Start a second process on the same listeners; when it is ready the first drains and ends."""
        chair = self.chairs[name]
        serving = chair.of("serves")
        if (
            not chair.seat.part.swaps
            or chair.of("next")
            or serving is None
            or self._stopping is not None
        ):
            return
        self._report.say(f"{name}: replacing pid {serving.pid}")
        self._start(chair, "next")
        newcomer = chair.of("next")
        if newcomer is not None:
            self._timers.after(READY_WAIT_S, lambda: self._give_up_on(newcomer))

    def _take_over(self, chair: Chair, newcomer: Process) -> None:
        serving = chair.of("serves")
        newcomer.role = "serves"
        if serving is not None:
            serving.role = "old"
            self._ask(serving)

    def _give_up_on(self, newcomer: Process) -> None:
        if newcomer.role == "next" and newcomer.pid in self._by_pid:
            self._report.say(
                f"{newcomer.seat}: pid {newcomer.pid} was not ready in {READY_WAIT_S:g} s; the old stays"
            )
            self._kill(newcomer)

    # ---- ending

    def reap(self) -> None:
        """Collect every child that has ended: parts, workers and strays alike."""
        for ended in supervise.reap():
            process = self._by_pid.pop(ended.pid, None)
            if process is not None:
                os.close(process.child.pidfd)
                for _piece in range(LAST_PIECES):
                    self._write_down(process)
                self._ended(process, ended.status)
        if self._stopping is not None:
            self._next_round()

    def _ended(self, process: Process, code: int) -> None:
        chair = self.chairs[process.seat]
        chair.processes.remove(process)
        if self._stopping is not None:
            return
        ending = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        self._report.say(f"{process.seat}: pid {process.pid} ended {ending} ({process.role})")
        if process.role != "serves":
            self._tell()
            return
        newcomer = chair.of("next")
        if newcomer is not None:  # its follower is on the way already
            newcomer.role = "serves"
            return
        chair.failures = backoff.failures_after(chair.failures, self._timers.now() - process.since)
        if not self._up and not chair.ever_ready and chair.failures >= START_ATTEMPTS:
            self._report.event("failed", name=process.seat, code=code)
            self.stop(70)
            return
        chair.restarts += 1
        chair.ended = f"pid {process.pid} ended {ending}"
        self._timers.after(backoff.wait_s(chair.failures), lambda: self._start(chair, "serves"))
        self._tell()

    def stop(self, code: int = 0) -> None:
        """End in rounds (parts.py); a second call ends at once."""
        if self._stopping is not None:
            self.kill_all()
            return
        self._code = code
        self._stopping = -1
        self._next_round()

    def _next_round(self) -> None:
        rounds = sorted({chair.seat.part.stop for chair in self.chairs.values()})
        while self._stopping is not None:
            if any(self._round_of(process) <= self._stopping for process in self._by_pid.values()):
                return  # this round is not over
            later = [number for number in rounds if number > self._stopping]
            if not later:
                self._leases.kill_all()
                if not self._over:
                    self._over = True
                    self._done(self._code)
                return
            self._stopping = later[0]
            for process in list(self._by_pid.values()):
                if self._round_of(process) == self._stopping:
                    self._ask(process)

    def _round_of(self, process: Process) -> int:
        return self.chairs[process.seat].seat.part.stop

    def _ask(self, process: Process) -> None:
        """SIGTERM now; SIGKILL when the drain has had its time and a second for the way out."""
        pidfd.kill(process.child.pidfd, signal.SIGTERM)
        self._timers.after(self._drain_s + 1.0, lambda: self._kill(process))

    def _kill(self, process: Process) -> None:
        if process.pid in self._by_pid:  # else its descriptor is closed
            pidfd.kill(process.child.pidfd)

    def kill_all(self) -> None:
        for process in list(self._by_pid.values()):
            self._kill(process)

    # ---- telling

    def _tell(self) -> None:
        self._report.parts(
            {
                name: {
                    "pid": serving.pid if (serving := chair.of("serves")) else 0,
                    "state": "ready"
                    if serving and serving.ready
                    else "starting"
                    if serving
                    else "waiting",
                    "restarts": chair.restarts,
                    "ended": chair.ended,
                    "draining": [
                        process.pid for process in chair.processes if process.role == "old"
                    ],
                }
                for name, chair in self.chairs.items()
            }
        )
