"""An explanation as a person reads it."""

from __future__ import annotations

from skerry.pop.explain import plain, tell, tell_outputs


def test_what_happened() -> None:
    explained = {
        "time_ms": 1,
        "request_id": "r1",
        "scheme": "http",
        "method": "GET",
        "host": "h:1",
        "path": "/a",
        "query": "b=1",
        "status": 200,
        "result": "Miss",
        "reason": "no-store",
        "time_us": 12_500,
        "behavior": "/api/*",
        "distribution": "web",
        "snapshot": 3,
        "origin": "api",
        "origin_us": 12_000,
        "tls_protocol": "",
        "client_ip": "127.0.0.1",
        "age_s": None,
        "steps": [
            {"step": "route", "at_us": 8, "what": "distribution web"},
            {"step": "origin_request", "at_us": 12_100, "what": "called", "function": "ab"},
        ],
    }
    assert tell(explained, "us-east").splitlines() == [
        "GET http://h:1/a?b=1 at us-east: 200 Miss (no-store), 12.50 ms",
        "  behavior /api/* of web, snapshot 3",
        "  origin api, 12.00 ms",
        "  client ip 127.0.0.1",
        "",
        "  no-store: The origin said no-store.",
        "",
        "  route             0.01 ms  distribution web",
        "  origin_request   12.10 ms  called  function ab",
    ]


def test_a_failure_has_its_way_out_and_no_key_where_none_was_made() -> None:
    said = tell({"url": "u", "reason": "origin-unmapped", "key": "0" * 16}, "x")
    assert "\n  origin-unmapped: The origin is mapped nowhere" in said
    assert "\n  to do: Add a line for it under [local.origin]" in said
    assert "key" not in said


def test_what_a_viewer_sent_cannot_reach_the_terminal() -> None:
    said = tell({"method": "GET", "path": "/\x1b[2J", "user_agent": "a\x07b\nc"}, "x")
    assert "\x1b" not in said
    assert "/\\x1b[2J" in said
    assert "a\\x07b\\nc" in said


def test_what_would_happen() -> None:
    explained = {
        "url": "http://h/a",
        "result": "Hit",
        "status": 200,
        "age_s": 3,
        "ttl_s": 7,
        "key": "abc",
        "steps": [{"step": "lookup", "what": "fresh"}],
    }
    assert tell(explained, "x").splitlines() == [
        "http://h/a at x: 200 Hit",
        "  age 3 s, fresh for 7 s more",
        "  key abc",
        "",
        "  lookup  fresh",
    ]


def test_what_was_learnt_later_stands_under_the_rest() -> None:
    kept = {"step": "store", "what": "kept: It was stored."}
    story = {"stored": True, "steps": [{"step": "lookup", "at_us": 40, "what": "nothing"}, kept]}
    assert tell(story, "x").splitlines()[1:] == [
        "  stored yes",
        "",
        "  lookup    0.04 ms  nothing",
        "  store              kept: It was stored.",
    ]


def test_plain_values() -> None:
    assert plain({"a_b": [1, True], "c": 0.5}) == "a b 1, yes, c 0.5"


def test_what_functions_said_stands_under_their_names() -> None:
    said = [
        {"function": "fn", "stream": "error", "text": 'Traceback:\n  File "a\x1b.py"\nE: x\n'},
        {"function": "fn", "stream": "finding", "text": '{"code": "c.d", "message": "m"}'},
    ]
    assert tell_outputs(said) == (
        '  fn error:\n    Traceback:\n      File "a\\x1b.py"\n    E: x\n  fn finding:\n    c.d: m'
    )
