"""Access records: both formats, torn lines, rotation, merging, files that come later."""

from __future__ import annotations

import json
import os
from pathlib import Path

from skerry.pop.logfile import file_of
from skerry.pop.records import Log, Logs, outputs, pops_of, tell

HEAD = "#Version: 1.0\n#Fields: date time x-edge-location cs-method x-host-header cs-uri-stem sc-status "
HEAD += "x-edge-result-type x-edge-request-id time-taken cs-uri-query\n"
TEN = 1_767_348_000_000  # 2026-01-02T10:00:00Z


def standard(second: int, stem: str, request_id: str) -> str:
    return f"2026-01-02\t10:00:{second:02}\tIAD\tGET\th\t{stem}\t200\tHit\t{request_id}\t0.012\t-\n"


def line(second: float, **fields: object) -> str:
    return json.dumps({"time_ms": TEN + round(second * 1000), **fields}) + "\n"


def ids(records: list[dict[str, object]]) -> list[object]:
    return [record.get("text", record.get("request_id")) for record in records]


def test_a_file_has_one_format(tmp_path: Path) -> None:
    assert file_of("us-east", "json") != file_of("us-east", "standard")
    (tmp_path / file_of("us-east", "json")).write_text(line(1, request_id="r1"))
    (tmp_path / file_of("us-east", "standard")).write_text(HEAD + standard(2, "/", "r2"))
    logs = Logs(tmp_path, ("us-east",))
    assert [(one["pop"], one["request_id"]) for one in logs.new()] == [
        ("us-east", "r1"),
        ("us-east", "r2"),
    ]
    assert Logs(tmp_path, ("eu-west",)).new() == []


def test_both_formats_and_functions_merge_by_time(tmp_path: Path) -> None:
    (tmp_path / "us-east.standard.log").write_text(
        HEAD + standard(1, "/a%20b", "r1") + standard(3, "/c", "r3")
    )
    (tmp_path / "eu-west.log").write_text(
        line(
            2,
            request_id="r2",
            method="GET",
            host="h",
            path="/b",
            query="x=1",
            status=200,
            result="Miss",
        )
    )
    (tmp_path / "functions.log").write_text(
        line(
            2.5,
            pop="eu-west",
            function="ab",
            request_id="r2",
            stream="stdout",
            text="hello\n",
            dropped_bytes=0,
        )
    )
    (tmp_path / "node.log").write_text("init: no record\n")
    assert pops_of(tmp_path) == ["eu-west", "us-east"]
    logs = Logs(tmp_path)
    found = logs.new()
    assert ids(found) == ["r1", "r2", "hello\n", "r3"]
    assert [record["pop"] for record in found] == ["us-east", "eu-west", "eu-west", "us-east"]
    assert tell(found[0]) == "10:00:01.000  us-east   GET h/a b 200 Hit 12.0 ms r1"
    assert tell(found[1]) == "10:00:02.000  eu-west   GET h/b?x=1 200 Miss 0.0 ms r2"
    assert tell(found[2]) == "10:00:02.500  eu-west   ab r2 stdout: hello"
    assert logs.new() == [], "only what is new"
    assert ids(Logs(tmp_path, ("eu-west",)).new()) == ["r2", "hello\n"]
    assert Logs(tmp_path, past=False).new() == []


def test_reasons_and_findings_are_told() -> None:
    miss = {
        "time_ms": TEN,
        "pop": "p",
        "method": "GET",
        "path": "/",
        "status": 200,
        "result": "Miss",
    }
    assert " Miss (no-store) " in tell(miss | {"reason": "no-store"})
    finding = {"time_ms": TEN, "pop": "p", "function": "f", "stream": "finding"}
    said = tell(finding | {"text": json.dumps({"code": "function.header", "message": "dropped"})})
    assert said.endswith("f finding: function.header: dropped")
    assert tell(finding | {"text": "odd"}).endswith("f finding: odd")
    assert tell({"text": "x", "dropped_bytes": 9, "function": "f"}).endswith("f: x … 9 bytes more")


def test_a_log_that_appears_later_is_read(tmp_path: Path) -> None:
    logs = Logs(tmp_path, past=False)
    assert logs.new() == []
    (tmp_path / "us-east.log").write_text(line(1, request_id="r1"))
    assert ids(logs.new()) == ["r1"]


def test_a_line_is_told_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "us-east.log"
    whole = standard(1, "/a", "r1")
    path.write_text(HEAD + whole[:20])
    log = Log(path)
    assert log.new() == []
    with path.open("a") as file:
        file.write(whole[20:] + '{"torn": \n2026-01-02\t1\n\n[1]\n')
    assert ids(log.new()) == ["r1"]


def test_a_replaced_file_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "us-east.log"
    path.write_text(HEAD + standard(1, "/a", "r1"))
    log = Log(path)
    log.new()
    path.rename(tmp_path / "us-east.log.1")
    assert log.new() == []
    path.write_text(HEAD + standard(2, "/b", "r2"))
    assert ids(log.new()) == ["r2"]


def test_a_file_that_lost_its_name_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "us-east.log"
    path.write_text(HEAD + standard(1, "/a", "r1"))
    log = Log(path)
    assert ids(log.new()) == ["r1"]
    with path.open("a") as late:
        late.write(standard(2, "/a", "r2"))
        path.rename(tmp_path / "us-east.log.1")
        path.write_text(HEAD + standard(4, "/a", "r4"))
        late.flush()
        assert ids(log.new()) == ["r2", "r4"]
        late.write(standard(3, "/a", "r3"))  # it looked at the name before it was changed
    assert ids(log.new()) == ["r3"]


def test_a_file_that_came_and_lost_its_name_between_two_looks_is_read(tmp_path: Path) -> None:
    path, older = tmp_path / "us-east.log", tmp_path / "us-east.log.1"
    path.write_text(HEAD + standard(1, "/a", "r1"))
    log = Log(path)
    log.new()
    path.rename(older)
    path.write_text(HEAD + standard(2, "/a", "r2"))
    path.rename(older)
    path.write_text(HEAD + standard(3, "/a", "r3"))
    assert ids(log.new()) == ["r2", "r3"]
    assert log.new() == []


def test_the_past_goes_back_beyond_the_last_turn(tmp_path: Path) -> None:
    (tmp_path / "us-east.log.1").write_text(HEAD + standard(1, "/a", "r1"))
    (tmp_path / "us-east.log").write_text(HEAD + standard(2, "/a", "r2"))
    assert ids(Logs(tmp_path).new()) == ["r1", "r2"]
    assert ids(Logs(tmp_path, whole=True).new()) == ["r1", "r2"]
    assert Logs(tmp_path, past=False).new() == []
    (tmp_path / "functions.log.1").write_text(line(1, request_id="r1", text="said"))
    (tmp_path / "functions.log").write_text("")
    assert ids(outputs(tmp_path, "r1")) == ["said"]


def test_a_file_that_was_cut_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "us-east.log"
    path.write_text(HEAD + standard(1, "/a", "r1") + standard(2, "/a", "r2"))
    log = Log(path)
    log.new()
    os.truncate(path, 0)
    with path.open("a") as file:
        file.write(standard(3, "/a", "r3"))
    assert ids(log.new()) == ["r3"]


def test_the_tail_of_a_long_file_knows_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "us-east.log"
    lines = [standard(number % 60, "/x" * 20, f"r{number}") for number in range(6000)]
    path.write_text(HEAD + "".join(lines))
    log = Log(path)
    log.skip_to_tail()
    found = log.new()
    assert 1000 < len(found) < 6000
    assert found[-1]["request_id"] == "r5999"
    assert (found[0]["status"], found[0]["time_us"]) == (200, 12_000)


def test_a_path_cannot_speak_to_the_terminal() -> None:
    said = tell({"time_ms": 0, "method": "GET", "host": "h", "path": "/%1b[2J%0aforged%c3%a9"})
    assert "\x1b" not in said
    assert "\n" not in said
    assert "/\\x1b[2J\\nforgedé" in said
