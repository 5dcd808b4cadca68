"""The words of skerry.toml, against the vocabulary that the schema names."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.readers import schema
from skerry.readers.report import Report


def check(document: dict[str, object], folder: Path) -> tuple[dict[str, object], list[str]]:
    report = Report(folder)
    kept = schema.check(document, report, lambda path: Place(".".join(path)))
    return kept, [f"{one.level} {one.where}: {one.message} | {one.hint}" for one in report.findings]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"nam": "x"}, "error nam: `nam` is not known | did you mean `name`?"),
        ({"format": 2}, "error format: `format` is 2; it may be 1 | "),
        (
            {"level": "strikt"},
            'error level: `level` is "strikt"; it may be strict, warn, relaxed | did you mean "strict"?',
        ),
        ({"reads": "infra"}, "error reads: `reads` must be a list of strings | "),
        ({"reads": [1]}, "error reads: `reads` must be a list of strings | "),
        ({"function": {"f": "x"}}, "error function.f: `function.f` must be a table | "),
        (
            {"function": {"f": {"hadler": "x"}}},
            "error function.f.hadler: `function.f.hadler` is not known | did you mean `handler`?",
        ),
        (
            {"function": {"f": {"egress": 1}}},
            'error function.f.egress: `function.f.egress` must be "any", "none" or a list of hosts | ',
        ),
        (
            {"function": {"f": {"memory_mb": 1}}},
            "error function.f.memory_mb: `function.f.memory_mb` is 1, not within 16 to 10240 | ",
        ),
        (
            {"local": {"http_port": True}},
            "error local.http_port: `local.http_port` must be a whole number | ",
        ),
        (
            {"local": {"origin": {"a": {"b": "c"}}}},
            "error local.origin.a: `local.origin.a` became a table, since a dot in a key starts one"
            " | put a name with dots in quotes",
        ),
        (
            {"worker": {}},
            "warning worker: [worker]: Workers come with a later version; it has no effect yet | ",
        ),
        (
            {"hub": {"url": "x"}},
            "warning hub: [hub]: a hub comes with a later version; it has no effect yet | ",
        ),
    ],
)
def test_what_is_said(document: dict[str, object], expected: str, tmp_path: Path) -> None:
    assert check(document, tmp_path)[1] == [expected]


def test_all_at_once_and_the_good_is_kept(tmp_path: Path) -> None:
    kept, said = check(
        {"name": 1, "profile": "x", "level": "warn", "local": {"http_port": 80, "x": 1}}, tmp_path
    )
    assert len(said) == 3
    assert kept == {"level": "warn", "local": {"http_port": 80}}


def test_every_section_of_the_vocabulary_is_known() -> None:
    words = {"format", "name", "reads", "profile", "level", "origin", "function", "local"}
    later = {"worker", "namespace", "table", "gateway", "model", "hub"}
    assert set(schema.TOP) == words
    assert set(schema.LATER) == later
    assert all(rule.meaning for rule in schema.TOP.values())
