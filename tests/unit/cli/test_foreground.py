"""Findings out of functions.log; keys and edits are tried on a terminal in test_up."""

from __future__ import annotations

import json

import pytest

from skerry.base.finding import Finding
from skerry.cli.foreground import function_finding


def test_a_finding_of_a_function() -> None:
    text = json.dumps(
        {
            "code": "contract.read_only",
            "level": "warn",
            "about": "x-edge-location",
            "message": "it was restored",
            "hint": "leave it",
            "event": "viewer-request",
        }
    )
    found = function_finding({"stream": "finding", "function": "ab", "text": text})
    assert found == Finding(
        "contract.read_only",
        "warning",
        "function ab, viewer-request",
        "x-edge-location: it was restored",
        "leave it",
    )


@pytest.mark.parametrize(
    "record",
    [
        {"stream": "stdout", "text": "{}"},
        {"stream": "finding", "text": "odd"},
        {"stream": "finding", "text": "{}"},
        {"stream": "finding", "text": "[]"},
    ],
)
def test_any_other_line_is_none(record: dict[str, object]) -> None:
    assert function_finding(record) is None
