"""What `skerry up` says."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from skerry.cli.greeting import next_lines, place, tell, unbelieved_ca
from skerry.trust import store

STATE = {
    "name": "shop",
    "root": "/p",
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
    "origins": [
        {"id": "api", "domain": "api.example.com", "target": None},
        {"id": "site", "domain": "b", "target": {"kind": "folder", "path": "/p/site"}},
    ],
    "functions": [
        {"name": "ab", "handler": "app.handler", "version": ""},
        {"name": "cd", "handler": "app.other", "version": "1234"},
    ],
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
        "  origin    site → ./site",
        "  functions ab (not loaded), cd",
        "",
        "try",
        *(f"  {line}" for line in next_lines(STATE)),
    ]
    assert "main.tf:3:1" in capsys.readouterr().err


def test_what_to_try_works_as_it_stands() -> None:
    assert next_lines(STATE) == [
        "curl -i https://127.0.0.1:8443/",
        "curl -i --connect-to www.example.com:443:127.0.0.1:8443 https://www.example.com/",
        "skerry explain https://us-east.skerry.localhost:8443/",
        "skerry purge '/*'",
    ]
    assert next_lines(STATE, "/c a/ca.crt", "my shop") == [
        "curl -i --cacert '/c a/ca.crt' https://127.0.0.1:8443/",
        "curl -i --cacert '/c a/ca.crt' --connect-to www.example.com:443:127.0.0.1:8443 https://www.example.com/",
        "skerry explain --at 'my shop' https://us-east.skerry.localhost:8443/",
        "skerry purge --at 'my shop' '/*'",
    ]


def test_without_tls_it_is_http() -> None:
    plain = {**STATE, "pops": [{**STATE["pops"][0], "https": ""}]}  # type: ignore[dict-item,index]  # a literal above
    assert next_lines(plain, "/ca.crt")[:2] == [
        "curl -i http://127.0.0.1:8080/",
        "curl -i --connect-to www.example.com:80:127.0.0.1:8080 http://www.example.com/",
    ]


def test_the_ca_is_named_until_the_machine_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
    monkeypatch.setattr(store, "SYSTEM_STORES", ((tmp_path, ("true",)),))
    assert unbelieved_ca(variables, tmp_path) == ""  # there is none yet
    made = tmp_path / "skerry" / "ca.crt"
    made.parent.mkdir()
    made.touch()
    assert unbelieved_ca(variables, Path("/elsewhere")) == str(made)
    assert unbelieved_ca(variables, tmp_path) == "skerry/ca.crt"
    store.system_file(tmp_path, store.this_machine(variables).user).touch()
    assert unbelieved_ca(variables, tmp_path) == ""


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
