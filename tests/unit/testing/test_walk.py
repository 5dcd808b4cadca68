"""The engine in this process, under the fixture that users have."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from skerry.testing.walk import Walk, read
from tests.support import tiny


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return tiny.write(tmp_path)


def test_a_miss_a_hit_a_purge(shop: Path, walk: Callable[[Path], Walk]) -> None:
    edge = walk(shop)
    assert (edge.get("/").cache, edge.get("/").cache) == ("Miss", "Hit")
    edge.purge("/*")
    (shop / "site" / "index.html").write_text("<h1>new</h1>")
    answer = edge.get("/")
    assert (answer.status, answer.cache, answer.text) == (200, "Miss", "<h1>new</h1>")
    explained = edge.explain(answer.request_id)
    assert explained is not None
    assert explained["reason"] == "purged"
    assert edge.explain("unknown") is None
    assert edge.status()["requests"] == 3
    assert edge.request("POST", "/", body="x").status == 403


def test_tls_by_a_ca_of_its_own(shop: Path, walk: Callable[[Path], Walk]) -> None:
    edge = walk(shop)
    assert edge.get("/").cache == "Miss"
    assert edge.get("/", tls=True).cache == "Hit"


def test_another_snapshot(shop: Path, walk: Callable[[object], Walk]) -> None:
    snapshot = read(shop)
    edge = walk(snapshot)
    assert edge.get("/none").status == 403
    edge.apply(msgspec.structs.replace(snapshot, version=2, distributions=()))
    assert edge.get("/").status != 200


def test_two_do_not_know_each_other_and_end(shop: Path, walk: Callable[[str], Walk]) -> None:
    one, other = walk(str(shop)), walk(str(shop))
    assert (one.get("/").cache, other.get("/").cache) == ("Miss", "Miss")
    one.close()
    with pytest.raises(ConnectionRefusedError):
        one.get("/")
    assert other.get("/").cache == "Hit"
    other.close()
    assert [each.name for each in threading.enumerate() if each.name == "engine"] == []
