from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from skerry.base.errors import CodeError
from skerry.functions.lease import LauncherClient, Lease
from tests.support.launcher_house import LauncherHouse, wait_for


def test_unknown_versions_are_told(house: LauncherHouse) -> None:
    with pytest.raises(CodeError, match="no version 'v0' here") as caught:
        house.client.lease("nothing", "v0", "us-east")
    assert (caught.value.code, caught.value.about) == ("function.unknown", "nothing")


def test_status_counts(house: LauncherHouse, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(e, c): return 1\n")
    version = house.define("counted", tmp_path, memory_mb=200)
    before, _ = house.client.ask({"op": "status"})
    with house.client.lease("counted", version, "us-east"):
        now, _ = house.client.ask({"op": "status"})
        assert now["workers"] == before["workers"] + 1
        assert now["promised_mb"] == before["promised_mb"] + 200
        assert {"function": "counted", "version": version} in now["functions"]
    wait_for(
        lambda: house.client.ask({"op": "status"})[0]["workers"] == before["workers"], "its end"
    )


def test_drain_takes_what_was_printed_without_marks(house: LauncherHouse, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print('loading')\nraise SystemExit\n")
    version = house.define("prints", tmp_path)
    with house.client.lease("prints", version, "us-east") as lease:
        lease.read(5)
        lease.read(5)
        assert lease.drain() == "loading\n"


def test_a_lease_without_its_descriptors_is_none() -> None:
    pair = socket.socketpair()
    number = pair[0].detach()
    with pytest.raises(ConnectionError, match="5 were due"):
        Lease(1, 2, [number])
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
    pair[1].close()


def test_no_launcher_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        LauncherClient(str(tmp_path / "none.sock"), "t")
