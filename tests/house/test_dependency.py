"""Every dependency has a line that says why it and not its rival; every pin is a version with checksums."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.support import tree

REASONS = Path("docs/decisions/dependencies.md")
PINS = ["run", "dev", "build", "guest"]


def wanted() -> set[str]:
    """What requirements/*.in and Cargo.toml name."""
    names = set()
    for pins in PINS:
        for line in tree.text(Path(f"requirements/{pins}.in")).splitlines():
            if line and not line.startswith(("#", "-")):
                names.add(re.split(r"[\[<>=~! ]", line)[0])
    cargo = tomllib.loads(tree.text(Path("Cargo.toml")))["workspace"]["dependencies"]
    names |= {
        name for name, spec in cargo.items() if not (isinstance(spec, dict) and "path" in spec)
    }
    return names


def explained() -> dict[str, str]:
    """Dependency → reason; a line may name several, separated by commas."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", tree.text(REASONS), re.MULTILINE)
    return {name.strip(" `"): why for names, why in rows for name in names.split(",")}


def test_every_dependency_says_why() -> None:
    missing = sorted(name for name in wanted() if len(explained().get(name, "").split()) < 3)
    assert not missing, f"no reason in {REASONS}: {missing}"


def test_no_reason_outlives_its_dependency() -> None:
    gone = sorted(set(explained()) - wanted() - {"dependency", "---"})
    assert not gone, f"{REASONS} still explains {gone}"


@pytest.mark.parametrize("pins", PINS)
def test_pins_are_exact(pins: str) -> None:
    text = tree.text(Path(f"requirements/{pins}.txt"))
    wishes = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert wishes
    assert all(re.match(r"[a-z0-9-]+==[^ ]+( ; .*)? \\$", line) for line in wishes), wishes
    assert text.count("--hash=sha256:") >= len(wishes)


def test_run_time_pins_and_package_agree() -> None:
    project = tomllib.loads(tree.text(Path("pyproject.toml")))["project"]
    declared = {re.split(r"[<>=~! ]", line)[0] for line in project["dependencies"]}
    lines = tree.text(Path("requirements/run.in")).splitlines()
    assert declared == {line for line in lines if line and not line.startswith("#")}
