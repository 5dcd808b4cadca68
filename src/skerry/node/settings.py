"""What one run on one machine is told: written by `skerry up`, read by init, handed on to the parts."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

STATE_FOLDER = ".skerry"


@dataclass(frozen=True)
class PopSettings:
    """One PoP's addresses. https_port 0: no TLS listener (there is no certificate yet)."""

    name: str
    http_port: int
    https_port: int = 0


@dataclass(frozen=True)
class NodeSettings:
    """One run.

    root            the project's folder, absolute
    bind            address of the viewers' listeners
    level           overrides the project's level; empty: the project's own
    deadlines       False: function calls have no deadline (a debugger holds them)
    parent_pid      the process that started us and whose end is ours; 0: detached
    threads         of each engine; 0: as many as there are cores
    log_bytes_max   of each log, then it is begun anew (rules/logs.toml); 0: never
    """

    root: str
    pops: tuple[PopSettings, ...]
    bind: str = "127.0.0.1"
    level: str = ""
    deadlines: bool = True
    parent_pid: int = 0
    threads: int = 0
    drain_s: float = 10.0
    cache_bytes_max: int = 256 * 1024 * 1024
    object_bytes_max: int = 64 * 1024 * 1024
    access_log_format: str = "json"
    log_bytes_max: int = 0
    guest_packages: str = field(default="")

    @property
    def state(self) -> Path:
        return Path(self.root) / STATE_FOLDER

    @property
    def run(self) -> Path:
        """Folder of sockets, tokens and process facts: gone with the run, 0700."""
        return self.state / "run"

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def tls(self) -> Path:
        return self.state / "tls"


def write(settings: NodeSettings) -> Path:
    """Write `.skerry/run/node.json` and make the state folder, which ignores itself in git."""
    settings.state.mkdir(exist_ok=True)
    settings.state.chmod(
        0o711
    )  # workers of other users reach the functions' code through it, and list nothing
    ignore = settings.state / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    for folder in (settings.run, settings.log, settings.tls):
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)  # an older folder may have been made with another mask
    target = settings.run / "node.json"
    draft = target.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(asdict(settings), file)
    draft.replace(target)
    return target


def read(path: Path) -> NodeSettings:
    """Read what `write` has written. Raises OSError, ValueError, TypeError: a broken file is our bug."""
    data = json.loads(path.read_text())
    pops = tuple(PopSettings(**pop) for pop in data.pop("pops"))
    return NodeSettings(pops=pops, **data)
