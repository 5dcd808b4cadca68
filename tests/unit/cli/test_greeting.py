"""What `skerry up` says."""

from __future__ import annotations

import io

import pytest

from skerry.cli.greeting import next_lines, place, tell

STATE = {
    "name": "shop",
    "profile": "cloudfront",
    "level": "warn",
    "pops": [
        {
            "name": "us-east",
            "at": "iad",
            "origin_rtt_ms": 8.0,
            "http": "http://127.0.0.1:8080",
            "https": "https://127.0.0.1:8443",
        },
    ],
    "origins": [{"id": "api", "domain": "api.example.com", "target": None}],
    "functions": [{"name": "ab", "handler": "app.handler", "version": ""}],
    "aliases": ["www.example.com"],
    "findings": [
        {
            "code": "origin.unmapped",
            "level": "warning",
            "where": {"file": "main.tf", "line": 3, "column": 1},
            "message": "m",
        }
    ],
}


def test_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    tell(STATE, ready_s=0.84, out=out)
    assert out.getvalue().splitlines() == [
        "shop ready in 0.8 s (cloudfront, warn)",
        "",
        "  us-east   iad  http://127.0.0.1:8080  https://127.0.0.1:8443  origin +8 ms",
        "  origin    api → not mapped: answers 502",
        "  function  ab (app.handler, not loaded)",
        "",
        "try",
        *(f"  {line}" for line in next_lines(STATE)),
    ]
    assert "main.tf:3:1" in capsys.readouterr().err


def test_every_alias_can_be_tried_on_both_ports() -> None:
    assert next_lines(STATE) == [
        "curl -i http://127.0.0.1:8080/",
        "curl -i --connect-to www.example.com:80:127.0.0.1:8080 http://www.example.com/",
        "curl -i --connect-to www.example.com:443:127.0.0.1:8443 https://www.example.com/",
        "skerry explain http://us-east.skerry.localhost:8080/",
        "skerry purge '/*'",
    ]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"kind": "folder", "path": "/s"}, "/s"),
        ({"kind": "url", "url": "http://o"}, "http://o"),
        ({"kind": "live"}, "d (live)"),
        ({"kind": "unmapped"}, "not mapped: answers 502"),
    ],
)
def test_places(target: dict[str, str], words: str) -> None:
    assert place({"id": "o", "domain": "d", "target": target}) == words
