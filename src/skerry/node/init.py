"""The root of the tree. `python -S -m skerry.node.init NODE_JSON [NOTIFY_FD]`

Signals: TERM and INT stop in order (a second one at once), HUP replaces every engine while it serves.
Single-threaded on purpose: children get PDEATHSIG from the thread that forks them, and fork is plain.
"""

from __future__ import annotations

import os
import resource
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from skerry.node import lock
from skerry.node.assemble import assemble
from skerry.node.leases import Leases
from skerry.node.listeners import BindError, bind_tcp, bind_unix
from skerry.node.log import NodeLog
from skerry.node.report import Report
from skerry.node.settings import NodeSettings, read
from skerry.node.timers import Timers
from skerry.node.tree import Tree
from skerry.process.prctl import become_subreaper, die_with
from skerry.process.supervise import Lifelines

TOKENS = ("control", "engine", "launcher")
STRAY_ROUNDS = 100  # of killing what is left; each adopts at most one more generation


def main(argv: list[str]) -> int:
    """Run until stopped. Returns the exit code: 0 stopped, 2 could not bind, 70 a part never came up."""
    settings = read(Path(argv[1]))
    report = Report(settings.run, int(argv[2]) if len(argv) > 2 else -1)
    if len(argv) > 2:
        os.set_inheritable(int(argv[2]), False)  # or every child would keep the starter's pipe open
    if settings.parent_pid and not die_with(settings.parent_pid, signal.SIGTERM):
        return 0  # whoever wanted us has gone while we started
    held = lock.take(settings.run)
    if held is None:
        report.event(
            "error",
            code="node.already_running",
            message=f"this project runs already (pid {lock.holder(settings.run)})",
            hint="stop it with `skerry down`, or use it: `skerry status`",
        )
        return 2
    report.begin(NodeLog(settings.log / "node.log", settings.log_bytes_max))
    clear(settings.run)
    try:
        sockets = bind_all(settings)
    except BindError as error:
        report.event("error", code=error.code, message=error.message, hint=error.hint)
        return 2
    write_tokens(settings.run)
    report.event("bound", pid=os.getpid())
    try:
        return serve(settings, sockets, report)
    finally:
        clear(settings.run)
        os.close(held)


def serve(settings: NodeSettings, sockets: dict[str, socket.socket], report: Report) -> int:
    """The loop: descriptors, signals, timers."""
    raise_descriptor_limit()
    become_subreaper()
    selector = selectors.DefaultSelector()
    timers = Timers(time.monotonic)
    leases = Leases(selector)
    ended: list[int] = []
    tree = Tree(
        assemble(settings),
        sockets,
        run=settings.run,
        drain_s=settings.drain_s,
        selector=selector,
        timers=timers,
        leases=leases,
        report=report,
        done=ended.append,
    )
    watch_signals(selector, tree)
    tree.start_all()
    while not ended:
        for key, _events in selector.select(timers.wait_s()):
            if key.fd not in selector.get_map():  # an action before this one has closed it
                continue
            if isinstance(key.data, Lifelines):
                key.data.tend(key.fd)
            else:
                act: Callable[[], None] = key.data
                act()
        timers.run_due()
    end_strays()
    return ended[0]


def watch_signals(selector: selectors.BaseSelector, tree: Tree) -> None:
    """Turn signals into readable bytes: handlers that run between any two bytecodes would race the tree."""
    read_end, write_end = socket.socketpair()
    read_end.setblocking(False)
    write_end.setblocking(False)
    signal.set_wakeup_fd(write_end.fileno(), warn_on_full_buffer=False)
    for signum in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda *_: None)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def heard(
        _keep: socket.socket = write_end,
    ) -> None:  # the write end lives as long as this function
        for signum in read_end.recv(4096):
            if signum in (signal.SIGTERM, signal.SIGINT):
                tree.stop()
            elif signum == signal.SIGHUP:
                for chair in list(tree.chairs.values()):
                    tree.swap(chair.seat.name)
        tree.reap()

    selector.register(read_end, selectors.EVENT_READ, heard)


def bind_all(settings: NodeSettings) -> dict[str, socket.socket]:
    """Every listener of the run, by name. Raises BindError; what was bound before it is closed by exit."""
    sockets = {}
    for pop in settings.pops:
        for kind, port in (("http", pop.http_port), ("https", pop.https_port)):
            if port:
                what, key = f"{kind} of {pop.name}", f"{kind}_port"
                sockets[f"{kind}-{pop.name}"] = bind_tcp(settings.bind, port, what=what, key=key)
    for seat in assemble(settings):
        for name in seat.sockets.get(seat.part.name, ()):
            sockets[name] = bind_unix(settings.run, name)
    return sockets


def write_tokens(run: Path) -> None:
    """One secret per API, new for each run: being the same user, or on this machine, proves nothing."""
    for name in TOKENS:
        path = run / f"{name}.token"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(os.urandom(32).hex())


def clear(run: Path) -> None:
    """Remove what an earlier run left, however it ended. node.json and the lock stay."""
    for pattern in ("*.sock", "*.token", "*.new", "*.json", "version"):
        for path in run.glob(pattern):
            if path.name != "node.json":
                path.unlink(missing_ok=True)


def raise_descriptor_limit() -> None:
    """Two descriptors a worker here, many more in an engine: take all that the hard limit gives."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def end_strays() -> None:
    """Kill and reap whatever is left below us, grandchildren too (they become ours as their parents end)."""
    for _round in range(STRAY_ROUNDS):
        left = strays()
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except OSError:
                continue  # reaped in the meantime


def strays() -> list[int]:
    """Pids of all our children, known or adopted. Empty where the kernel does not list them."""
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in text.split()]


if __name__ == "__main__":
    sys.exit(main(sys.argv))
