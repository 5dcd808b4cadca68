"""The engine's shell around an engine that does what the test says."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.pop.engine import Shell, config
from skerry.pop.frames import Frames, encode
from tests.support.wait import until


class Fake:
    """An engine in memory."""

    def __init__(self) -> None:
        self.applied: list[bytes] = []
        self.over = threading.Event()
        self.fails = False
        self.drained_s = 0.0
        self.shares: list[bool] = []

    def apply(self, snapshot: bytes) -> None:
        if b"bad" in snapshot:
            raise ValueError("format: only 1 is known")
        self.applied.append(snapshot)

    def purge(self, request: bytes) -> tuple[int, int]:
        return len(request), 7

    def share_journal(self, shares: bool) -> None:
        self.shares.append(shares)

    def status(self) -> bytes:
        return b'{"requests": 7}'

    def explain_request(self, request_id: str) -> bytes | None:
        return b"{}" if request_id == "known" else None

    def explain_url(self, request: bytes) -> bytes:
        return request

    def run(self) -> None:
        self.over.wait()
        if self.fails:
            raise OSError("the listener is gone")

    def drain(self, deadline_s: float) -> None:
        self.drained_s = deadline_s
        self.over.set()


class Rig:
    """A shell that serves in a thread."""

    def __init__(self, folder: Path) -> None:
        self.engine = Fake()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.address = self.listener.getsockname()
        self.stored = folder / "snapshot-a.json"
        self.ready = 0
        self.shell = Shell(
            self.engine,
            self.listener,
            token="secret",
            stored=self.stored,
            drain_s=2.0,
            ready=self.on_ready,
        )
        self.code: list[int] = []
        self.thread = threading.Thread(target=lambda: self.code.append(self.shell.serve()))

    def on_ready(self) -> None:
        self.ready += 1

    def ask(self, *frames: bytes, token: str = "secret") -> list[tuple[dict[str, object], bytes]]:
        """Answers to frames on a connection of their own."""
        with socket.create_connection(self.address, 5) as connection:
            connection.sendall(encode({"token": token}) + b"".join(frames))
            reader = Frames()
            found: list[tuple[dict[str, object], bytes]] = []
            while len(found) < len(frames):
                data = connection.recv(65536)
                if not data:
                    break
                found += list(reader.feed(data))
            return found


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    rig.thread.start()
    yield rig
    rig.shell.drain()
    rig.thread.join(5)
    assert not rig.thread.is_alive()
    rig.shell.close()


def test_ops(rig: Rig) -> None:
    hello, applied, status, purged, known, unknown, url, stranger = rig.ask(
        encode({"op": "hello"}),
        encode({"op": "apply"}, b'{"version": 4}'),
        encode({"op": "status"}),
        encode({"op": "purge"}, b"{}"),
        encode({"op": "explain_request", "id": "known"}),
        encode({"op": "explain_request", "id": "other"}),
        encode({"op": "explain_url"}, b'{"url": "/"}'),
        encode({"op": "dance"}),
    )
    assert hello[0]["version"] == 0
    assert applied[0]["version"] == 4
    assert status == (
        {"ok": True, "pid": hello[0]["pid"], "version": 4, "body_bytes": 15},
        b'{"requests": 7}',
    )
    assert (purged[0]["sequence"], purged[0]["held"]) == (2, 7)
    assert (known[0]["found"], known[1]) == (True, b"{}")
    assert unknown[0]["found"] is False
    assert url[1] == b'{"url": "/"}'
    assert (stranger[0]["ok"], stranger[0]["code"]) == (False, "engine.unknown_op")
    assert rig.ready == 1


def test_the_token_comes_first(rig: Rig) -> None:
    ((head, _body),) = rig.ask(encode({"op": "apply"}, b'{"version": 4}'), token="guess")
    assert head["code"] == "engine.token"
    assert rig.engine.applied == []


def test_a_bad_snapshot_changes_nothing(rig: Rig) -> None:
    rig.ask(encode({"op": "apply"}, b'{"version": 1}'))
    ((head, _body),) = rig.ask(encode({"op": "apply"}, b'{"version": 2, "bad": 1}'))
    assert (head["ok"], head["code"]) == (False, "engine.refused")
    assert "format" in str(head["message"])
    assert rig.stored.read_bytes() == b'{"version": 1}'
    assert rig.ask(encode({"op": "hello"}))[0][0]["version"] == 1


def test_a_second_snapshot_starts_nothing_anew(rig: Rig) -> None:
    rig.ask(encode({"op": "apply"}, b'{"version": 1}'), encode({"op": "apply"}, b'{"version": 2}'))
    assert rig.ready == 1
    assert len([thread for thread in threading.enumerate() if thread.name == "engine"]) == 1


def test_nothing_serves_before_the_first_snapshot(rig: Rig) -> None:
    rig.ask(encode({"op": "hello"}))
    assert rig.ready == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "engine"]


def test_the_last_good_snapshot_is_served_at_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    assert not rig.shell.restore()
    rig.stored.write_bytes(b'{"version": 6}')
    assert rig.shell.restore()
    assert (rig.ready, rig.engine.applied) == (1, [b'{"version": 6}'])
    rig.shell.drain()
    assert rig.shell.serve() == 0
    assert rig.engine.drained_s == 2.0
    rig.shell.close()


@pytest.mark.parametrize("text", [b"not json", b'{"version": 1, "bad": 1}'])
def test_a_stored_snapshot_of_no_use_waits_for_control(tmp_path: Path, text: bytes) -> None:
    rig = Rig(tmp_path)
    rig.stored.write_bytes(text)
    assert not rig.shell.restore()
    assert rig.ready == 0
    rig.shell.close()


def test_an_engine_that_stops_by_itself_ends_the_process(rig: Rig) -> None:
    rig.engine.fails = True
    rig.ask(encode({"op": "apply"}, b'{"version": 1}'))
    rig.engine.over.set()
    until(lambda: rig.code, what="the shell ended")
    assert rig.code == [70]
    assert isinstance(rig.shell.failed, OSError)


def test_config_names_what_the_native_engine_wants() -> None:
    part = {
        "pop": "us-east",
        "threads": 2,
        "cache_bytes_max": 1,
        "object_bytes_max": 1,
        "state_dir": "/s",
        "log_dir": "/s/log",
        "access_log_format": "standard",
        "log_bytes_max": 9,
        "tls_dir": "/s/tls",
        "deadlines": True,
    }
    made = json.loads(config({"http": [5], "https": []}, part, "t"))
    assert made["http_fds"] == [5]
    assert made["https_fds"] == []
    assert made["state_dir"] == "/s/pops/us-east"
    assert made["access_log"] == "/s/log/us-east.standard.log"
    assert (made["launcher"], made["launcher_token"]) == ("launcher.sock", "t")
