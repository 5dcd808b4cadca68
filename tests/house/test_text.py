"""What must not stand in any committed file. The patterns are written in pieces, for they are read too."""

from __future__ import annotations

import re

import pytest

from tests.support import tree

FORBIDDEN = {
    "a registry's address": "|".join(
        re.escape(host)
        for host in (
            "py" + "pi.org",
            "python" + "hosted.org",
            "crates" + ".io",
            "registry.npm" + "js",
            "npm" + "js.com",
            "deb.deb" + "ian.org",
            "repo.ma" + "ven.apache",
            "proxy.go" + "lang.org",
        )
    ),
    "a path of somebody's machine": r"(?<![\w.])/(?:ro"
    + r"ot|ho"
    + r"me|Us"
    + r"ers|wo"
    + r"rk)/\w",
    "a promise instead of a deed": r"\b(?:TO"
    + r"DO|FIX"
    + r"ME|XX"
    + r"X|raise NotImple"
    + r"mentedError)\b",
    "a tool of the workplace": "far" + r"m-\w",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for name in tree.files():
        text = tree.text(name)
        found += [
            f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
            for match in pattern.finditer(text)
        ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("what", "sample"),
    [
        ("a registry's address", "index = https://pyp" + "i.org/simple"),
        ("a path of somebody's machine", "cd /ro" + "ot/x"),
        ("a promise instead of a deed", "# TO" + "DO later"),
        ("a tool of the workplace", "run far" + "m-x"),
    ],
)
def test_the_pattern_finds(what: str, sample: str) -> None:
    assert re.search(FORBIDDEN[what], sample)
