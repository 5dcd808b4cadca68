"""A small init for tests: keeps the launcher's listener and the launcher, holds workers' lifelines, reaps.

A program: `fake_init.py FOLDER PYTHON`. It writes {"launcher": pid} as a line to stdout at each start of a
launcher, kills everything at the end of stdin, and exits with the number of workers it still held before.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
from pathlib import Path

from skerry.process import pidfd
from skerry.process.descriptors import receive
from skerry.process.prctl import become_subreaper
from skerry.process.spawn import Started, spawn
from skerry.process.supervise import Lifelines, reap


class FakeInit:
    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.python = folder, python
        self.selector = selectors.DefaultSelector()
        self.lifelines = Lifelines(self.selector)
        (folder / "run").mkdir(exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(folder / "launcher.sock"))
        self.listener.listen(64)
        self.launcher: Started | None = None

    def start_launcher(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {
            **os.environ,
            "SKERRY_PART": json.dumps({"state_dir": str(self.folder), "root": "/test"}),
        }
        self.launcher = spawn(
            [self.python, "-m", "skerry.functions.launcher"],
            environment,
            {"launcher": self.listener.fileno(), "init": theirs.fileno()},
        )
        theirs.close()
        self.selector.register(ours, selectors.EVENT_READ, "channel")
        sys.stdout.write(json.dumps({"launcher": self.launcher.pid}) + "\n")
        sys.stdout.flush()

    def receive(self, channel: socket.socket) -> None:
        data, numbers = receive(channel, 4096, 2)
        if not data:
            self.selector.unregister(channel)
            channel.close()
            return
        self.lifelines.hold(*numbers)

    def run(self) -> int:
        become_subreaper()
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.selector.register(wake_read, selectors.EVENT_READ, "child")
        self.selector.register(0, selectors.EVENT_READ, "stdin")
        self.start_launcher()
        while True:
            for key, _ in self.selector.select():
                if key.data == "stdin":
                    if not os.read(0, 4096):
                        return self.stop()
                elif key.data == "child":
                    os.read(wake_read, 4096)
                    self.reap()
                elif key.data == "channel":
                    self.receive(key.fileobj)  # type: ignore[arg-type]  # registered above as a socket
                elif key.fd in self.selector.get_map():
                    self.lifelines.tend(key.fd)

    def reap(self) -> None:
        assert self.launcher is not None
        if self.launcher.pid in [ended.pid for ended in reap()]:
            os.close(self.launcher.pidfd)
            self.start_launcher()

    def stop(self) -> int:
        held = len(self.lifelines)
        self.lifelines.cut_all()
        assert self.launcher is not None
        pidfd.kill(self.launcher.pidfd)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        while True:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return min(held, 100)


if __name__ == "__main__":
    sys.exit(FakeInit(Path(sys.argv[1]), sys.argv[2]).run())
