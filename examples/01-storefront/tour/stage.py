"""Everything that the tour starts: the API, `skerry up`, and their end, whatever happens in between."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent
POPS = 3
WISHED = {"http": 8080, "https": 8443, "api": 9000, "graphql": 9001}
WIDTH = {"http": POPS, "https": POPS, "api": 1, "graphql": 1}
READY_S = 60
STOP_S = 20
SAID_BYTES_MAX = 64 * 1024
TAIL_LINES = 60
SKERRY = [sys.executable, "-m", "skerry.cli.main"]
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Failed(Exception):
    """The stage could not be set. The message is for people."""


def interruptible():
    """Each signal that ends us raises KeyboardInterrupt, once: what comes after it must not disturb the teardown.

    A terminal that closes sends SIGHUP twice, from the kernel and from the shell.
    """

    def interrupt(*_):
        hush()
        raise KeyboardInterrupt

    for signum in ENDING:
        signal.signal(signum, interrupt)


def hush():
    """From here on no signal ends us. A handler, not SIG_IGN, which commands run from here would inherit."""
    for signum in ENDING:
        signal.signal(signum, lambda *_: None)


@contextlib.contextmanager
def undisturbed():
    """A signal within waits for the end: a child that is born and not yet in our books would stay behind."""
    came = []
    before = {signum: signal.signal(signum, lambda *_: came.append(True)) for signum in ENDING}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
    if came:
        hush()
        raise KeyboardInterrupt


def free(first, count=1):
    """Whether `count` ports from `first` on can be listened on."""
    with contextlib.ExitStack() as held:
        for port in range(first, first + count):
            probe = held.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except (OSError, OverflowError):
                return False
    return True


def wishes():
    """The ports that the project's file says, and where it says none what it would run on."""
    try:
        local = tomllib.loads((EXAMPLE / "skerry.toml").read_text()).get("local", {})
    except (OSError, ValueError):
        return WISHED  # `skerry up` says what is wrong with it
    said = {name: local.get(f"{name}_port") for name in ("http", "https")}
    return WISHED | {name: port for name, port in said.items() if isinstance(port, int)}


def choose_ports(wished):
    """Those that are wished for where they are free, else others in their place."""
    chosen = {}
    for name, wish in wished.items():
        first = wish
        while not free(first, WIDTH[name]) or any(first == other for other in chosen.values()):
            first += 100
            if first > 60_000:
                raise Failed("no free ports on this machine")
        chosen[name] = first
    return chosen


class Stage:
    """A context: inside of it the shop runs, after it nothing does.

    root    the project's folder: the example itself, or a copy of it where its ports are taken
    moved   what stands on another port than the files say, in words
    """

    def __init__(self):
        wished = wishes()
        self.ports = choose_ports(wished)
        self.moved = {name: port for name, port in self.ports.items() if port != wished[name]}
        self.root = EXAMPLE
        self.state = {}
        self.greeting = []
        self.up = None
        self._heard = 0
        self._copy = None
        self._children = []

    def __enter__(self):
        try:
            if self.moved:
                self._copy = Path(tempfile.mkdtemp(prefix="storefront-"))
                self.root = copy(self._copy / EXAMPLE.name, self.ports)
            self._start_api()
            self._start_skerry()
        except BaseException:  # Ctrl-C too: what was started must not stay
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _start_api(self):
        ports = ["--api-port", str(self.ports["api"]), "--graphql-port", str(self.ports["graphql"])]
        server = self._start([sys.executable, "api/server.py", *ports], subprocess.PIPE)
        if not server.stdout.readline():
            raise Failed(f"the API did not start:\n{self.tail(server)}")

    def _start_skerry(self):
        """`skerry up` as a child: what it prints up to the last line that it promises is its greeting."""
        up = self.up = self._start([*SKERRY, "up", str(self.root)], subprocess.PIPE)
        deadline = time.monotonic() + READY_S
        for line in up.stdout:
            self.greeting.append(line.rstrip("\n"))
            if line.startswith("  skerry purge"):
                self.state = json.loads(self.skerry("status", str(self.root), "--json"))
                return
            if time.monotonic() > deadline:
                break
        up.wait(STOP_S)
        raise Failed(
            "\n".join([f"skerry up ended with {up.returncode}", *self.greeting, self.tail(up)])
        )

    def _start(self, words, stdout):
        """A child in a session of its own: Ctrl-C reaches the tour alone, which ends its children in order."""
        told = tempfile.TemporaryFile()  # noqa: SIM115 it lives as long as the child
        with undisturbed():
            child = subprocess.Popen(
                words,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=told,
                text=True,
                start_new_session=True,
            )
            self._children.append((child, told))
        return child

    def said(self, child, offset=0):
        """What a child has said on stderr from `offset` bytes on."""
        told = next(told for each, told in self._children if each is child)
        # pread: the child writes where this file stands, and reading must not move it
        return os.pread(told.fileno(), SAID_BYTES_MAX, offset)

    def tail(self, child):
        """The last lines of that."""
        return "\n".join(self.said(child).decode(errors="replace").splitlines()[-TAIL_LINES:])

    def news(self):
        """What `skerry up` has said since the last call: edits that it has taken, and those that it has not."""
        new = self.said(self.up, self._heard)
        self._heard += len(new)
        return new.decode(errors="replace")

    def skerry(self, *words, code=0):
        """Run a command of skerry; its stdout."""
        ran = subprocess.run(
            [*SKERRY, *words],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if ran.returncode != code:
            raise Failed(
                f"skerry {' '.join(words)} ended with {ran.returncode}:\n{ran.stderr.strip()}"
            )
        return ran.stdout

    @property
    def ca(self):
        """The local CA's file, as `skerry trust` names it."""
        told = json.loads(self.skerry("trust", "--dry-run", "--json"))
        return told["certificate"]

    def alive(self):
        """Whether all that was started still runs."""
        return all(child.poll() is None for child, _told in self._children)

    def close(self):
        """Stop everything, last started first, and take the copy away, whatever signals come. May be called again."""
        hush()
        while self._children:
            child, told = self._children[-1]
            child.terminate()
            try:
                child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child.stdout:
                child.stdout.close()
            told.close()
            self._children.pop()
        if self._copy is not None:
            shutil.rmtree(self._copy, ignore_errors=True)
            self._copy = None


def copy(target, ports):
    """The example in another folder, with other ports in its skerry.toml."""
    shutil.copytree(EXAMPLE, target, ignore=shutil.ignore_patterns(".skerry", "__pycache__"))
    file = target / "skerry.toml"
    text = (
        file.read_text()
        .replace(":9000", f":{ports['api']}")
        .replace(":9001", f":{ports['graphql']}")
    )
    text = re.sub(
        r"^[ \t]*https?_port[ \t]*=.*\n", "", text, flags=re.MULTILINE
    )  # those of the file
    own = f"[local]\nhttp_port = {ports['http']}\nhttps_port = {ports['https']}\n"
    file.write_text(re.sub(r"^\[local\]\n", own, text, count=1, flags=re.MULTILINE))
    # functions may run as users of their own, who reach their code through these folders
    target.parent.chmod(0o711)
    return target
