"""An explanation as a person reads it."""

from __future__ import annotations

from skerry.pop.explain import tell


def test_steps_stand_in_a_column() -> None:
    explained = {
        "url": "/a",
        "hit": True,
        "steps": [
            {"step": "lookup", "outcome": "miss", "reason": "uri-miss"},
            {"step": "origin_request", "outcome": "skipped", "reason": ""},
            {"step": "fetch", "took_ms": 12.5, "sent": ["a", "b"], "origin": {"id": "api"}},
        ],
    }
    assert tell(explained, "us-east").splitlines() == [
        "at us-east",
        "  url: /a",
        "  hit: yes",
        "",
        "  lookup          miss  reason uri-miss",
        "  origin_request  skipped",
        "  fetch           took ms 12.5; sent a, b; origin id api",
    ]


def test_nothing_but_facts() -> None:
    assert tell({"status": 200}, "x") == "at x\n  status: 200"
