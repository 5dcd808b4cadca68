"""Seats out of settings: names, sockets, and what each part is told."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from skerry.node.assemble import assemble
from skerry.node.settings import NodeSettings, PopSettings

SETTINGS = NodeSettings(
    "/shop", (PopSettings("us-east", 80, 443), PopSettings("eu-west", 81)), threads=3
)


def test_seats_and_their_sockets() -> None:
    seats = {seat.name: seat for seat in assemble(SETTINGS)}
    assert list(seats) == ["engine-us-east", "engine-eu-west", "launcher", "control"]
    assert seats["engine-us-east"].sockets == {
        "http": ("http-us-east",),
        "https": ("https-us-east",),
        "engine": ("engine-us-east.sock",),
    }
    assert seats["engine-eu-west"].sockets["https"] == ()
    assert seats["control"].sockets == {"control": ("control.sock",)}
    assert seats["launcher"].argv[1:] == ("-m", "skerry.functions.launcher")


def test_what_a_part_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKERRY_SECRET", "ends here")
    monkeypatch.setenv("SKERRY_SANDBOX", "off")
    monkeypatch.setenv("TF_VAR_zone", "eu")
    (engine, *_rest) = assemble(SETTINGS)
    assert "SKERRY_SECRET" not in engine.environment
    assert engine.environment["SKERRY_SANDBOX"] == "off"
    assert engine.environment["TF_VAR_zone"] == "eu"
    assert "SKERRY_DEBUG" not in engine.environment
    told = json.loads(engine.environment["SKERRY_PART"])
    assert (told["pop"], told["seat"], told["threads"]) == ("us-east", "engine-us-east", 3)
    assert told["state_dir"] == "/shop/.skerry"
    package_root = str(Path(__file__).resolve().parents[3] / "src")
    assert package_root in engine.environment["PYTHONPATH"].split(os.pathsep)


def test_no_deadlines_is_told_to_functions() -> None:
    import dataclasses

    seats = assemble(dataclasses.replace(SETTINGS, deadlines=False, guest_packages="/g"))
    assert seats[2].environment["SKERRY_DEBUG"] == "1"
    assert seats[2].environment["SKERRY_GUEST_PACKAGES"] == "/g"
