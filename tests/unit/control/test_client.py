"""The command line's end of the socket: each class of error comes out as it went in."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from skerry.base.errors import BusyError, CallerError, ConfigError, SkerryError
from skerry.control.client import Client
from skerry.node.listeners import bind_unix


def serve(root: Path, *answers: dict[str, object] | None) -> threading.Thread:
    """A control that says this to one caller, and then hangs up."""
    run = root / ".skerry" / "run"
    run.mkdir(parents=True)
    (run / "control.token").write_text("t")
    listener = bind_unix(run, "control.sock")
    listener.setblocking(True)

    def talk() -> None:
        with listener, listener.accept()[0] as connection, connection.makefile("rwb") as stream:
            assert json.loads(stream.readline()) == {"token": "t"}
            for answer in answers:
                stream.readline()
                if answer is not None:
                    stream.write(json.dumps(answer).encode() + b"\n")
                    stream.flush()

    thread = threading.Thread(target=talk)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("name", "kind"), [("busy", BusyError), ("caller", CallerError), ("config", ConfigError)]
)
def test_errors_keep_their_class(tmp_path: Path, name: str, kind: type[SkerryError]) -> None:
    error = {"ok": False, "class": name, "code": "a.b", "message": "m", "hint": "h", "about": "x"}
    thread = serve(tmp_path, {"ok": True, "n": 1}, error)
    with Client(tmp_path) as client:
        assert client.ask("first") == {"n": 1}
        with pytest.raises(kind) as caught:
            client.ask("second")
    thread.join()
    assert (caught.value.code, caught.value.hint, caught.value.about) == ("a.b", "h", "x")


def test_a_control_that_hangs_up_or_hangs(tmp_path: Path) -> None:
    thread = serve(tmp_path, None)
    with Client(tmp_path) as client, pytest.raises(BusyError) as caught:
        client.ask("first")
    thread.join()
    assert caught.value.code == "control.away"
    with bind_unix(tmp_path / ".skerry" / "run", "control.sock") as listener:
        assert isinstance(listener, socket.socket)
        with Client(tmp_path, timeout_s=0.05) as client, pytest.raises(BusyError):
            client.ask("first")


def test_a_stale_socket_means_that_nothing_runs(tmp_path: Path) -> None:
    run = tmp_path / ".skerry" / "run"
    run.mkdir(parents=True)
    (run / "control.token").write_text("t")
    bind_unix(run, "control.sock").close()
    with pytest.raises(CallerError) as caught:
        Client(tmp_path)
    assert caught.value.code == "control.not_running"


def test_how_to_start_it_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, command in ((tmp_path, "`skerry up`"), (Path("/"), f"`skerry up {tmp_path}`")):
        monkeypatch.chdir(folder)
        with pytest.raises(CallerError) as caught:
            Client(tmp_path)
        assert command in caught.value.hint
