from __future__ import annotations

import stat
from pathlib import Path

import pytest

from skerry.functions.known import (
    VERSIONS_KEPT,
    BadDefinition,
    Functions,
    code_unreadable,
    read_row,
)

ROW = {"name": "f", "version": "v1", "source": "/code", "handler": "app.handler"}


def test_a_row_and_its_defaults() -> None:
    known = read_row({**ROW, "memory_mb": 256.0, "python": None})
    assert (known.memory_mb, known.timeout_s, known.python, known.env) == (256, 30.0, "", {})


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ([], "must be an object"),
        ({}, "name must be"),
        ({**ROW, "version": ""}, "version must be"),
        ({**ROW, "handler": 1}, "handler must be"),
        ({**ROW, "colour": "red"}, "unknown key 'colour'"),
        ({**ROW, "source": "code"}, "absolute path"),
        ({**ROW, "memory_mb": 0}, "memory_mb must be"),
        ({**ROW, "memory_mb": True}, "memory_mb must be"),
        ({**ROW, "timeout_s": "1"}, "timeout_s must be"),
        ({**ROW, "env": {"A": 1}}, "env must be"),
        ({**ROW, "env": {"A": "x" * 70_000}}, "is over 65536 bytes"),
    ],
)
def test_bad_rows_name_the_key(row: object, says: str) -> None:
    with pytest.raises(BadDefinition, match=says):
        read_row(row)


def test_some_versions_are_kept_and_the_newest_always(tmp_path: Path) -> None:
    functions = Functions(None)
    for number in range(VERSIONS_KEPT + 2):
        functions.define(
            [read_row({**ROW, "version": str(number)}), read_row({**ROW, "name": "g"})]
        )
    assert functions.versions("f") == [str(n) for n in range(2, VERSIONS_KEPT + 2)]
    assert functions.versions("g") == ["v1"]
    functions.define([read_row({**ROW, "version": "2"})])  # an old one again is the newest
    assert functions.versions("f")[-1] == "2"


def test_what_is_new_is_told_and_can_be_forgotten(tmp_path: Path) -> None:
    functions = Functions(tmp_path / "functions.json")
    row = read_row({**ROW, "source": str(tmp_path)})
    assert functions.define([row]) == [True]
    assert functions.define([row]) == [False]
    functions.forget("f", "v1")
    functions.forget("f", "v1")
    assert functions.names() == []
    second = Functions(tmp_path / "functions.json")
    second.recall()
    assert second.names() == []


def test_a_successor_recalls(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    first = Functions(tmp_path / "functions.json")
    first.define(
        [
            read_row({**ROW, "source": str(tmp_path / "code"), "env": {"KEY": "secret"}}),
            read_row({**ROW, "name": "gone", "source": str(tmp_path / "gone")}),
        ]
    )
    assert stat.S_IMODE((tmp_path / "functions.json").stat().st_mode) == 0o600
    second = Functions(tmp_path / "functions.json")
    second.recall()
    assert second.find("f", "v1") == first.find("f", "v1")
    assert second.find("gone", "v1") is None


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"name": 1}]'])
def test_a_torn_file_is_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "functions.json").write_text(text)
    functions = Functions(tmp_path / "functions.json")
    functions.recall()
    assert functions.names() == []


def test_code_unreadable_names_the_path(tmp_path: Path) -> None:
    # pytest's own folder is private, whatever stands in it
    assert code_unreadable(read_row({**ROW, "source": str(tmp_path)}))
