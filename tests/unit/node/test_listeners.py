"""Binding: modes, deep folders, stale sockets, and a sentence for each refusal."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from skerry.control.client import connect
from skerry.node.listeners import BindError, bind_tcp, bind_unix, holder, refusal


def test_a_unix_socket_in_a_folder_deeper_than_its_path_may_be(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-long-name-of-a-folder"] * 6)
    deep.mkdir(parents=True)
    here = Path.cwd()
    bind_unix(deep, "x.sock").close()  # stale: the file stays
    with bind_unix(deep, "x.sock") as listener:
        assert Path.cwd() == here
        assert stat.S_IMODE((deep / "x.sock").stat().st_mode) == 0o600
        with connect(deep, "x.sock", 1.0) as connection:
            accepted, _address = listener.accept()
            accepted.close()
            assert connection.recv(1) == b""


def test_a_port_in_use_says_by_whom() -> None:
    with bind_tcp("127.0.0.1", 0, what="http of a", key="http_port") as first:
        port = first.getsockname()[1]
        assert not first.getblocking()
        with pytest.raises(BindError) as caught:
            bind_tcp("127.0.0.1", port, what="http of a", key="http_port")
        assert caught.value.code == "node.port_in_use"
        assert f"by pid {os.getpid()} (" in caught.value.message
        assert holder(port).startswith(f"pid {os.getpid()} ")


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.EACCES, "node.port_refused"), (errno.EADDRNOTAVAIL, "node.address_refused")],
)
def test_other_refusals(number: int, code: str) -> None:
    said = refusal(OSError(number, "why"), "10.9.9.9", 80, what="http of a", key="http_port")
    assert (said.code, bool(said.hint)) == (code, True)
