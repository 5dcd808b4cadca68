"""Control on a real tree: what it brings, edits, purges, explanations; its own death in between."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from skerry.base.errors import CallerError
from skerry.control.client import Client
from skerry.spec.distribution import Behavior, Distribution, Origin
from skerry.spec.pop import Local, Pop
from skerry.spec.project import Project
from tests.support.node import Node, eventually, fetch, running, settings_for

POPS = (Pop("us-east", "iad", 8.0), Pop("eu-west", "dub", 85.0))


def write(root: Path, **changes: object) -> None:
    made = Project(
        root="",
        name="shop",
        distributions=(
            Distribution(
                "web",
                "E1",
                aliases=("www.example.com",),
                origins=(
                    Origin("site", "b.s3.amazonaws.com", kind="s3"),
                    Origin("api", "api.example.com"),
                ),
                behaviors=(Behavior("*", "site"),),
            ),
        ),
        local=Local(pops=POPS, origins={"site": "./site"}),
    )
    data = msgspec.json.encode(msgspec.structs.replace(made, **changes))
    (root / "skerry.toml").write_bytes(data)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    write(tmp_path)
    return tmp_path


@pytest.fixture
def node(project: Path) -> Iterator[Node]:
    with running(settings_for(project, pops=2)) as node:
        yield node


def test_state_tells_pops_origins_and_findings(project: Path, node: Node) -> None:
    with Client(project) as control:
        state = control.ask("state")
    assert [(pop["name"], pop["at"], pop["version"]) for pop in state["pops"]] == [
        ("us-east", "iad", 1),
        ("eu-west", "dub", 1),
    ]
    assert state["pops"][1]["http"] == f"http://127.0.0.1:{node.port(1)}"
    targets = {each["id"]: each["target"]["kind"] for each in state["origins"]}
    assert targets == {"site": "folder", "api": "unmapped"}
    (finding,) = state["findings"]
    assert finding["code"] == "origin.unmapped"
    (api,) = (each for each in state["origins"] if each["id"] == "api")
    assert 'api = "http://127.0.0.1:9000"' in api["target"]["hint"]
    assert state["aliases"] == ["www.example.com"]


def test_an_edit_reaches_every_pop_and_a_bad_one_changes_nothing(project: Path, node: Node) -> None:
    events: list[dict[str, object]] = []
    listening = threading.Event()

    def listen() -> None:
        with Client(project) as control:
            for event in control.follow("events"):
                listening.set()
                events.append(event)
                if len(events) == 4:
                    return

    listener = threading.Thread(target=listen)
    listener.start()
    assert listening.wait(5)
    write(project, name="shop two")
    eventually(
        lambda: (fetch(node.port(0))["version"] == 1 and len(events) >= 2) or fetch(node.port(1)),
        "serving",
    )
    write(project, level="relaxed")
    saved = time.monotonic()
    eventually(
        lambda: {fetch(node.port(n))["version"] for n in (0, 1)} == {2}, "version 2 everywhere"
    )
    assert time.monotonic() - saved < 1.0
    (project / "skerry.toml").write_text("{ nonsense")
    eventually(lambda: any(event["event"] == "rejected" for event in events), "rejected")
    assert {fetch(node.port(n))["version"] for n in (0, 1)} == {2}
    with Client(project) as control:
        state = control.ask("state")
    assert state["level"] == "relaxed"
    assert state["rejected"][0]["code"] == "project.syntax"
    write(project, level="strict")
    eventually(lambda: fetch(node.port(0))["version"] == 3, "mended")
    eventually(lambda: len(events) == 4, "four events")
    listener.join()
    with Client(project) as control:
        assert control.ask("state")["rejected"] == []


def test_a_purge_waits_for_a_restarting_engine_and_names_who_is_missing(
    project: Path, node: Node
) -> None:
    with Client(project) as control:
        answer = control.ask("purge", paths=["/a"])
        assert answer["pending"] == []
        assert {each["pop"]: each["sequence"] for each in answer["done"]} == {
            "us-east": 1,
            "eu-west": 1,
        }
        os.kill(node.pid("engine-eu-west"), signal.SIGKILL)
        answer = control.ask("purge", paths=["/a"], timeout_s=10)
        assert answer["pending"] == []
        assert {each["sequence"] for each in answer["done"]} == {2}
        stopped = node.pid("engine-us-east")
        os.kill(stopped, signal.SIGSTOP)
        answer = control.ask("purge", paths=["/a"], timeout_s=0.3)
        os.kill(stopped, signal.SIGCONT)
        assert answer["pending"] == ["us-east"]
        assert [each["pop"] for each in answer["done"]] == ["eu-west"]
        with pytest.raises(CallerError, match="no PoP mars"):
            control.ask("purge", paths=["/a"], pops=["mars"])


def test_explain_finds_the_pop(project: Path, node: Node) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", node.port(1))) as connection:
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        head = connection.recv(4096)
    request_id = head.partition(b"X-Request: ")[2].split(b"\r\n")[0].decode()
    with Client(project) as control:
        found = control.ask("explain_request", id=request_id)
        assert (found["pop"], found["explained"]["url"]) == ("eu-west", "/x")
        with pytest.raises(CallerError) as caught:
            control.ask("explain_request", id="nobody")
        assert caught.value.code == "explain.unknown_request"
        by_port = control.ask("explain_url", url=f"http://127.0.0.1:{node.port(1)}/a")
        assert by_port["pop"] == "eu-west"
        by_name = control.ask("explain_url", url="http://eu-west.skerry.localhost/a")
        assert by_name["pop"] == "eu-west"
        assert control.ask("explain_url", url="http://www.example.com/a")["pop"] == "us-east"


def test_a_restarted_control_goes_on_where_it_was(project: Path, node: Node) -> None:
    (project / "skerry.toml").write_text("{ nonsense")
    before = node.pid("control")
    os.kill(before, signal.SIGKILL)
    eventually(lambda: node.pid("control") != before, "control back")
    with Client(project) as control:
        state = control.ask("state")
    assert (state["name"], state["version"]) == ("shop", 1), "the same content keeps its version"
    assert state["rejected"][0]["code"] == "project.syntax"
    write(project, level="strict")
    eventually(lambda: fetch(node.port(0))["version"] == 2, "edits are seen again")


def test_a_wrong_token_is_refused(project: Path, node: Node) -> None:
    (node.settings.run / "control.token").write_text("guess")
    with pytest.raises(CallerError) as caught, Client(project) as control:
        control.ask("state")
    assert caught.value.code == "control.token"


def test_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(CallerError) as caught:
        Client(tmp_path)
    assert caught.value.code == "control.not_running"
