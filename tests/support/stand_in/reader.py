"""A reader for tests: the project is the msgspec JSON in `project.json`, beside it `broken` makes it fail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from skerry.base.errors import ConfigError
from skerry.base.finding import Finding, Place
from skerry.spec.project import Project


def read(root: Path, *, variables: Mapping[str, object] = {}) -> Project:
    """See skerry.readers.project.read."""
    try:
        text = (root / "skerry.toml").read_bytes()
    except FileNotFoundError:
        raise ConfigError("project.not_found", "nothing to read") from None
    try:
        project = msgspec.json.decode(text, type=Project)
    except msgspec.MsgspecError as error:
        finding = Finding(
            "project.syntax", "error", Place("skerry.toml", 1), str(error), "write JSON"
        )
        return Project(root=str(root), name="broken", files=("skerry.toml",), findings=(finding,))
    origins = [origin for each in project.distributions for origin in each.origins]
    findings = tuple(
        Finding(
            "origin.unmapped",
            "note",
            Place("skerry.toml", 1),
            f"{each.id} is mapped nowhere",
            f'{each.id} = "live"',
        )
        for each in origins
        if each.id not in project.local.origins
    )
    return msgspec.structs.replace(
        project, root=str(root), files=("skerry.toml",), findings=findings
    )
