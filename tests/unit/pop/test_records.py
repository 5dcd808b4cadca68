"""Access records: both formats, torn lines, rotation, merging."""

from __future__ import annotations

from pathlib import Path

from skerry.pop import records
from skerry.pop.records import Log

HEAD = "#Version: 1.0\n#Fields: date time x-edge-location cs-method cs-uri-stem sc-status x-edge-result-type "
HEAD += "x-edge-request-id time-taken cs-uri-query\n"


def standard(second: int, stem: str, request_id: str) -> str:
    return f"2026-01-02\t10:00:{second:02}\tIAD\tGET\t{stem}\t200\tHit\t{request_id}\t0.012\t-\n"


def test_both_formats_and_functions_merge_by_time(tmp_path: Path) -> None:
    (tmp_path / "us-east.log").write_text(HEAD + standard(1, "/a%20b", "r1") + standard(3, "/c", "r3"))
    (tmp_path / "eu-west.log").write_text(
        '{"time": "2026-01-02T10:00:02Z", "cs-method": "GET", "cs-uri-stem": "/b", "x-edge-request-id": "r2"}\n'
    )
    (tmp_path / "functions.log").write_text(
        '{"time": "2026-01-02T10:00:02.5Z", "pop": "eu-west", "function": "ab", "request_id": "r2", '
        '"stream": "stdout", "text": "hello"}\n'
    )
    (tmp_path / "node.log").write_text("init: no record\n")
    logs = records.logs_of(tmp_path, ())
    found = records.merge(logs)
    assert [record.get("x-edge-request-id", record.get("text")) for record in found] == ["r1", "r2", "hello", "r3"]
    assert [record["pop"] for record in found] == ["us-east", "eu-west", "eu-west", "us-east"]
    assert records.tell(found[0]) == "10:00:01  us-east   GET /a b 200 Hit 12 ms r1"
    assert records.tell(found[2]) == "10:00:02.5  eu-west   ab r2 stdout: hello"
    assert records.merge(logs) == [], "only what is new"
    assert [record["pop"] for record in found if records.wanted(record, ("us-east",))] == ["us-east", "us-east"]


def test_a_line_is_told_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "us-east.log"
    whole = standard(1, "/a", "r1")
    path.write_text(HEAD + whole[:20])
    log = Log(path)
    assert log.new() == []
    with path.open("a") as file:
        file.write(whole[20:] + '{"torn": \n')
    assert [record["x-edge-request-id"] for record in log.new()] == ["r1"]


def test_a_replaced_file_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "us-east.log"
    path.write_text(HEAD + standard(1, "/a", "r1"))
    log = Log(path)
    log.new()
    path.rename(tmp_path / "us-east.log.1")
    assert log.new() == []
    path.write_text(HEAD + standard(2, "/b", "r2"))
    assert [record["x-edge-request-id"] for record in log.new()] == ["r2"]


def test_the_tail_of_a_long_file_knows_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "us-east.log"
    lines = [standard(number % 60, "/x" * 20, f"r{number}") for number in range(6000)]
    path.write_text(HEAD + "".join(lines))
    log = Log(path)
    log.skip_to_tail()
    found = log.new()
    assert 1000 < len(found) < 6000
    assert found[-1]["x-edge-request-id"] == "r5999"
    assert found[0]["sc-status"] == "200"
    log.skip_to_end()
    assert log.new() == []


def test_the_last_request_of_all_pops(tmp_path: Path) -> None:
    assert records.last_request_id(records.logs_of(tmp_path, ())) == ""
    (tmp_path / "us-east.log").write_text(HEAD + standard(1, "/a", "r1") + standard(4, "/a", "r4"))
    (tmp_path / "eu-west.log").write_text(HEAD + standard(3, "/a", "r3"))
    assert records.last_request_id(records.logs_of(tmp_path, ())) == "r4"
