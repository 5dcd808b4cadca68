"""What a purge says of itself, and that it holds: a real run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import hostile, tiny
from tests.support.hostile import ask, skerry
from tests.support.node import free_ports

pytestmark = pytest.mark.slow


def test_a_purge_says_what_is_known(tmp_path: Path) -> None:
    root = tmp_path / "tiny"
    root.mkdir()
    tiny.write(root)
    port = free_ports(6)
    (root / "skerry.toml").write_text(
        f'format = 1\nname = "tiny"\n[local]\nhttp_port = {port}\nhttps_port = {port + 3}\n'
        '[local.origin]\nsite = "./site"\n'
    )

    (root / "site" / "a b.html").write_text("a page")

    def x_cache(path: str = "/index.html") -> str:
        head = ask(port, path).head.lower()
        return head.partition("x-cache: ")[2].partition(" ")[0]

    def purged(*words: str) -> dict[str, dict[str, object]]:
        answer = json.loads(skerry(root, "purge", "--json", *words).stdout)
        return {each["pop"]: each for each in answer["done"]}

    with hostile.running(root):
        assert [x_cache(), x_cache()] == ["miss", "hit"]
        one = purged("/index.html")["us-east"]
        assert (one["sequence"], one["held"], one["purged"]) == (1, 1, None)
        assert [x_cache(), x_cache()] == ["miss", "hit"]
        said = skerry(root, "purge", f"http://localhost:{port}/index.html").stdout
        assert "us-east: purged" in said
        assert "each of its 1 object is checked when next asked for" in said
        assert [x_cache(), x_cache()] == ["miss", "hit"]
        everything = purged("/*")
        assert [(each["held"], each["purged"]) for each in everything.values()].count((0, 0)) == 2
        assert (everything["us-east"]["held"], everything["us-east"]["purged"]) == (1, 1)
        assert x_cache() == "miss"
        assert "us-east: purged" in (text := skerry(root, "purge", "/*").stdout)
        assert "all of its 1 object" in text
        spaced = "/a%20b.html"
        assert [x_cache(spaced), x_cache(spaced)] == ["miss", "hit"]
        assert "us-east: purged" in skerry(root, "purge", "/a b.html").stdout
        assert x_cache(spaced) == "miss"
        refused = skerry(root, "purge", "site")
        assert refused.returncode == 3
        assert "write '/site'; for the project in that folder, `--at site`" in refused.stderr
        asked = skerry(root, "explain", "/about")
        assert f"write it whole: http://127.0.0.1:{port}/about" in asked.stderr
