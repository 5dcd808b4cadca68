"""What a viewer sees when something breaks, and what the command line then says of it: real runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import hostile
from tests.support.hostile import Seen, ask, skerry
from tests.support.wait import until

pytestmark = pytest.mark.slow


@dataclass
class Run:
    """A run of the hostile project, and all that was ever said of it."""

    root: Path
    port: int
    started: str
    said: list[str] = field(default_factory=list)

    def skerry(self, *words: str) -> str:
        """stdout of a command that must be good; what it said is kept."""
        done = skerry(self.root, *words)
        self.said += [done.stdout, done.stderr]
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    root = tmp_path_factory.mktemp("journey") / "hostile"
    with hostile.origin() as origin_port:
        port = hostile.write(root, origin_port)
        with hostile.running(root) as done:
            yield Run(root, port, done.stdout + done.stderr, [done.stdout, done.stderr])


# path → status, code, step. What cannot be a page because the head is out already stands below.
PAGES = [
    ("/down/a", 502, "origin-connect-failed", "fetch"),
    ("/nowhere/a", 502, "origin-name-unknown", "fetch"),
    ("/unmapped/a", 502, "origin-unmapped", "fetch"),
    ("/slow/a", 504, "origin-read-timeout", "fetch"),
    ("/lies/twice", 502, "origin-bad-framing", "fetch"),
    ("/bad/head", 502, "origin-bad-head", "fetch"),
    ("/bad/close", 502, "origin-closed", "fetch"),
    ("/fn/loops", 503, "function.timed_out", "viewer_request"),
    ("/fn/nothing", 502, "function.result_not_object", "viewer_request"),
    ("/fn/number", 502, "function.result_not_object", "viewer_request"),
    ("/fn/gateway", 502, "function.result_shape", "viewer_request"),
    ("/fn/raises", 503, "function.raised", "viewer_request"),
    ("/fn/exits", 503, "function.crashed", "viewer_request"),
    ("/fn/hogs", 503, "function.raised", "viewer_request"),
    ("/fn/gone", 503, "function.init_failed", "viewer_request"),
]


@pytest.mark.parametrize(("path", "status", "code", "step"), PAGES)
def test_a_failure_is_told_to_viewer_and_operator(
    run: Run, path: str, status: int, code: str, step: str
) -> None:
    seen = ask(run.port, path)
    assert (seen.status, seen.cut) == (status, False)
    error = json.loads(seen.body)["error"]
    assert (error["status"], error["code"], error["step"]) == (status, code, step)
    assert (error["request_id"], error["pop"]) == (seen.request_id, "us-east")
    assert error["message"], "a reason in words"
    assert error["hint"], "a way out"

    page = ask(run.port, path, accept="text/html,*/*;q=0.8")
    html = page.body.decode()
    assert page.status == status
    assert html.startswith("<!doctype html>")
    for word in (code, page.request_id, f"<dd>{step}</dd>", "What to do"):
        assert word in html, word

    explained = run.skerry("explain", seen.request_id)
    assert explained.splitlines()[0].startswith(
        f"GET http://localhost:{run.port}{path} at us-east: {status}"
    )
    assert code in explained
    assert re.search(rf"(?m)^  {step} ", explained), explained
    meaning = run.skerry("explain", code).splitlines()
    assert meaning[0].startswith(f"{code} (")
    assert len(meaning) == 4, "what it means, and what to do"


BODIES = [
    ("/cut/a", "origin-cut-body", b"half", True),
    ("/lies/chunk", "origin-bad-chunk", b"5\r\nhello", True),
]


@pytest.mark.parametrize(("path", "code", "body", "is_cut"), BODIES)
def test_a_body_that_breaks_is_cut_for_the_viewer_and_not_stored(
    run: Run, path: str, code: str, body: bytes, is_cut: bool
) -> None:
    for _turn in range(2):
        seen = ask(run.port, path)
        assert (seen.status, seen.cut, seen.body) == (200, is_cut, body)
        assert "X-Cache: Miss" in seen.head, "a cut answer is not one to keep"
    explained = until(
        lambda: run.skerry("explain", seen.request_id), within_s=5, what="the record is written"
    )
    assert f"200 Error ({code})" in explained
    assert re.search(r"(?m)^  record .* cut after \d+ bytes: ", explained), explained
    assert "to do: Let the origin" in explained


def test_what_an_origin_says_beyond_its_length_reaches_nobody(run: Run) -> None:
    for _turn in range(2):
        seen = ask(run.port, "/lies/more")
        assert (seen.status, seen.cut, seen.body) == (200, False, b"hello")


def test_a_gigabyte_of_output_is_cut_and_the_request_served(run: Run) -> None:
    seen = ask(run.port, "/fn/gigabyte")
    assert seen.status == 403, "it goes on to the bucket, which has no such key"

    def printed() -> dict[str, object] | None:
        lines = [
            json.loads(line) for line in run.skerry("logs", "--json", "-n", "400").splitlines()
        ]
        found = [line for line in lines if line.get("function") == "gigabyte"]
        return found[-1] if found else None

    line = until(printed, within_s=10, what="its output is in the log")
    assert line["request_id"] == seen.request_id
    assert len(str(line["text"])) <= 65536
    assert int(str(line["dropped_bytes"])) > 1_000_000_000
    log = run.root / ".skerry" / "log" / "functions.log"
    assert log.stat().st_size < 1_000_000


def test_a_handler_that_is_missing_is_told_everywhere(run: Run) -> None:
    checked = skerry(run.root, "check")
    status = skerry(run.root, "status")
    assert (checked.returncode, status.returncode) == (2, 0)
    for said in (run.started, checked.stderr, status.stderr):
        assert (
            "error[function.handler_missing]: handler 'gone.handler': there is no gone.py" in said
        )
        assert "function gone" in said
    assert "status` says why" in json.loads(ask(run.port, "/fn/gone").body)["error"]["message"]


def test_an_unmapped_origin_shows_the_line_to_paste(run: Run) -> None:
    error = json.loads(ask(run.port, "/unmapped/b").body)["error"]
    assert error["hint"] == 'in skerry.toml:\n[local.origin]\nunmapped = "http://127.0.0.1:9000"'
    assert "unmapped  not mapped: answers 502" in run.skerry("status")
    said = run.skerry("explain", f"http://127.0.0.1:{run.port}/unmapped/x")
    assert "origin unmapped, which is not mapped: 502" in said


def test_an_origin_that_failed_is_named_in_the_record(run: Run) -> None:
    kept, passed = ask(run.port, "/down/named"), ask(run.port, "/down/named", method="POST")
    for seen in (kept, passed):
        said = json.loads(run.skerry("explain", seen.request_id, "--json"))["explained"]
        assert said["origin"] == "down.example.com"
    assert "the failure is kept for 10 s" in run.skerry("explain", kept.request_id)


def test_the_logs_tell_each_failure_on_one_line(run: Run) -> None:
    seen: dict[str, Seen] = {path: ask(run.port, path) for path in ("/bad/close", "/fn/number")}

    def all_told() -> list[str]:
        lines = run.skerry("logs", "-n", "400").splitlines()
        told = all(any(each.request_id in line for line in lines) for each in seen.values())
        return lines if told else []

    lines = until(all_told, within_s=5, what="both are in the log")
    for path, each in seen.items():
        told = [line for line in lines if each.request_id in line and f"{path} 502 Error (" in line]
        assert len(told) == 1, path


def test_a_path_cannot_forge_a_line_or_clear_the_terminal(run: Run) -> None:
    seen = ask(run.port, "/%1b[2J%0aforged")
    said = until(
        lambda: next(
            (line for line in run.skerry("logs").splitlines() if seen.request_id in line), None
        ),
        within_s=5,
        what="it is in the log",
    )
    assert "/\\x1b[2J\\nforged" in said
    assert "\x1b" not in run.skerry("explain", seen.request_id)


# last in this file: it looks at what all of the above has left behind
def test_secrets_stay_where_they_are(run: Run) -> None:
    for words in (
        *(["status"], ["status", "--json"], ["logs", "-n", "1000"], ["logs", "--json"]),
        *(["doctor"], ["doctor", "--json"], ["diff"], ["diff", "--json"], ["init", "--dry-run"]),
        ["explain", f"http://127.0.0.1:{run.port}/down/x"],
        ["explain", "--json", f"http://127.0.0.1:{run.port}/down/x"],
    ):
        done = skerry(run.root, *words)
        run.said += [done.stdout, done.stderr]
    for words in (["check"], ["check", "--json"], ["check", "--format", "github"]):
        done = skerry(run.root, *words)
        run.said += [done.stdout, done.stderr]
    tokens = [path.read_text() for path in (run.root / ".skerry" / "run").glob("*.token")]
    assert len(tokens) == 3
    for secret in (*hostile.SECRETS, *tokens):
        assert not [text for text in run.said if secret in text]
        assert secret not in "".join(
            path.read_text(errors="replace") for path in (run.root / ".skerry" / "log").iterdir()
        )
    for path in (run.root / ".skerry").rglob("*"):
        if path.is_file() and "functions" not in path.relative_to(run.root / ".skerry").parts[:1]:
            holds = any(
                secret in path.read_text(errors="replace") for secret in (*hostile.SECRETS, *tokens)
            )
            assert not holds or path.stat().st_mode & 0o077 == 0, f"{path} can be read by others"
