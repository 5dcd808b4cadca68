"""A small project on free ports, and the `skerry` command run on it as people run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from skerry.spec.distribution import Behavior, Distribution, Origin
from skerry.spec.pop import Local, Pop
from skerry.spec.project import Project
from tests.support.node import environment, free_ports

POPS = (Pop("us-east", "iad", 8.0), Pop("eu-west", "dub", 85.0))


def write(root: Path, *, origins: dict[str, str] | None = None, port: int = 0) -> int:
    """Write the project for the stand-in reader; the first PoP's port."""
    (root / "site").mkdir(exist_ok=True)
    first = port or free_ports(2 * len(POPS))
    web = Distribution(
        "web",
        "E1",
        aliases=("www.example.com",),
        origins=(Origin("site", "b.s3.amazonaws.com", kind="s3"), Origin("api", "api.example.com")),
        behaviors=(Behavior("*", "site"),),
    )
    local = Local(
        http_port=first,
        https_port=first + len(POPS),
        pops=POPS,
        origins=origins or {"site": "./site"},
    )
    made = Project("", "shop", distributions=(web,), local=local)
    (root / "skerry.toml").write_bytes(msgspec.json.encode(made))
    return first


def skerry(root: Path, *words: str, timeout_s: float = 15.0) -> subprocess.CompletedProcess[str]:
    """`skerry WORDS` in the project's folder."""
    return subprocess.run(
        [sys.executable, "-m", "skerry.cli.main", *words],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        check=False,
    )
