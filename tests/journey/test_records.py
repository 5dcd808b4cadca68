"""Access records of real runs: one format a file, and the same facts in both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skerry.pop.records import FIELDS
from tests.support import hostile, tiny
from tests.support.hostile import ask, skerry
from tests.support.node import free_ports

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The smallest project, on free ports."""
    root = tmp_path / "tiny"
    root.mkdir()
    tiny.write(root)
    port = free_ports(6)
    (root / "skerry.toml").write_text(
        f'format = 1\nname = "tiny"\n[local]\nhttp_port = {port}\nhttps_port = {port + 3}\n'
        '[local.origin]\nsite = "./site"\n'
    )
    return root


def run(project: Path, *words: str) -> list[dict[str, object]]:
    """Up, a miss, a hit, a part of it, down; what the logs say of these three."""
    text = (project / "skerry.toml").read_text()
    port = int(text.partition("http_port = ")[2].partition("\n")[0])
    with hostile.running(project, *words):
        asked = [
            ask(port, "/index.html", lines=lines) for lines in ("", "", "Range: bytes=1-2\r\n")
        ]
        told = skerry(project, "logs", "--json").stdout
    ids = [one.request_id for one in asked]
    found = {one["request_id"]: one for one in map(json.loads, told.splitlines())}
    return [found[request_id] for request_id in ids]


def test_a_change_of_format_goes_on_in_another_file(project: Path) -> None:
    runs = [run(project), run(project, "--log-format", "standard"), run(project)]
    facts = ("response_result", "detailed_result", "content_type", "content_bytes", "range_start")
    for as_json, as_standard in zip(*runs[:2], strict=True):
        assert {name: as_json[name] for name in facts} == {
            name: as_standard.get(name) for name in facts
        }
    log = project / ".skerry" / "log"
    lines = [
        (log / name).read_text().splitlines() for name in ("us-east.log", "us-east.standard.log")
    ]
    assert len(lines[0]) == 6
    assert all(line.startswith("{") for line in lines[0])
    version, fields, *records = lines[1]
    assert (version, fields) == ("#Version: 1.0", f"#Fields: {' '.join(FIELDS)}")
    cells = [record.split("\t") for record in records]
    assert [len(each) for each in cells] == [len(FIELDS)] * 3
    parts = [each[-5:] for each in cells if each[-2:] != ["-", "-"]]  # each core writes by itself
    assert parts == [["Hit", "text/html", "2", "1", "2"]]
