"""What is made ready before a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base import tables
from skerry.base.errors import CallerError, ConfigError
from skerry.node import lock, prepare
from skerry.node import settings as node_settings
from skerry.node.settings import NodeSettings, PopSettings
from skerry.pop.compile import Ports
from skerry.spec.pop import Local, Pop
from skerry.spec.project import Project
from tests.support import tiny

POPS = (Pop("a", "iad"), Pop("b", "dub"), Pop("c", "bom"))
PROJECT = Project("", "shop", local=Local(http_port=81, https_port=444, pops=POPS))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return tiny.write(tmp_path)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), "abc"),
        (("2",), "ab"),
        (("9",), "abc"),
        (("c",), "c"),
        (("c", "a"), "ac"),
    ],
)
def test_which_pops_run(words: tuple[str, ...], names: str) -> None:
    chosen = prepare.choose(PROJECT, words)
    assert "".join(name for _number, name in chosen) == names
    assert all(POPS[number].name == name for number, name in chosen), "ports hang on the number"


@pytest.mark.parametrize("words", [("d",), ("0",), ("a", "2")])
def test_a_pop_that_is_not_there(words: tuple[str, ...]) -> None:
    with pytest.raises(CallerError) as failed:
        prepare.choose(PROJECT, words)
    assert failed.value.hint == "there are a, b, c"


def test_ports_of_the_project() -> None:
    assert prepare.own_ports(PROJECT, 2) == Ports(83, 446)


def test_a_project_is_made_ready(shop: Path) -> None:
    made = prepare.prepare(
        shop, "strict", ("1",), port_of=lambda number, _name: Ports(70 + number, 90)
    )
    assert made == node_settings.read(made.run / "node.json")
    assert [(pop.http_port, pop.https_port) for pop in made.pops] == [(70, 90)]
    assert (made.level, made.root) == ("strict", str(shop))
    assert made.log_bytes_max == tables.load("logs")["bytes_max"]
    assert list(made.tls.glob("*.crt"))


def test_what_cannot_be_served_leaves_nothing(shop: Path) -> None:
    (shop / "main.tf").write_text("resource {")
    with pytest.raises(ConfigError) as failed:
        prepare.prepare(shop)
    assert failed.value.code == "project.unservable"
    assert not (shop / ".skerry").exists()


def test_a_project_that_runs_is_not_run_again(shop: Path) -> None:
    settings = NodeSettings(str(shop), ())
    node_settings.write(settings)
    held = lock.take(settings.run)
    assert held is not None
    with pytest.raises(ConfigError, match="runs already") as failed:
        prepare.prepare(shop)
    assert f"`skerry down {shop}`" in failed.value.hint, "from wherever one stands"


@pytest.mark.parametrize(
    ("ports", "said"),
    [
        (((80, 443), (81, 80)), "port 80, wanted for https of b, is also that for http of a"),
        (((65535, 0), (65536, 0)), "port 65536, wanted for http of b, does not exist"),
        (((80, 80),), "port 80, wanted for https of a, is also that for http of a"),
    ],
)
def test_ports_that_cannot_be(ports: tuple[tuple[int, int], ...], said: str) -> None:
    pops = tuple(PopSettings(name, *pair) for name, pair in zip("ab", ports, strict=False))
    with pytest.raises(ConfigError) as caught:
        prepare.settled(pops)
    assert (caught.value.code, caught.value.message) == ("node.ports", said)


def test_ports_that_can_be() -> None:
    prepare.settled((PopSettings("a", 80, 0), PopSettings("b", 81, 0)))
