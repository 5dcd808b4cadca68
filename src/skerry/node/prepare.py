"""Before a run starts: the project is read, PoPs are chosen, folders and certificates made.

For whoever starts runs: `skerry up`, and the fixtures of `skerry.testing`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from skerry.base import environment, tables
from skerry.base.clock import SystemClock
from skerry.base.errors import CallerError, ConfigError
from skerry.control import tls
from skerry.control.desired import desire, servable
from skerry.node import lock, start
from skerry.node import settings as node_settings
from skerry.node.settings import STATE_FOLDER, NodeSettings, PopSettings
from skerry.pop import logfile
from skerry.pop.compile import Ports
from skerry.readers import project as reader
from skerry.spec.project import Project

PORT_MAX = 65535


def prepare(
    root: Path,
    level: str | None = None,
    pops: tuple[str, ...] = (),
    *,
    bind: str = "127.0.0.1",
    deadlines: bool = True,
    port_of: Callable[[int, str], Ports] | None = None,
) -> NodeSettings:
    """Read the project and say how it is to be run. Raises ConfigError with every finding that forbids it.

    level    instead of the project's own
    pops     names, or one number: the first so many; empty: all
    port_of  (number in the project, name) → where that PoP listens; the project's own ports where not given
    """
    running = (
        lock.holder(root / STATE_FOLDER / "run") if (root / STATE_FOLDER / "run").is_dir() else None
    )
    if running is not None:
        raise start.already(running, str(root))
    if not bind:  # to a socket the empty address is every address
        raise ConfigError("node.bind", "--bind names no address", hint="127.0.0.1 is the default")
    project = reader.read(root)
    chosen = choose(project, pops)
    listening = {
        name: port_of(number, name) if port_of else own_ports(project, number)
        for number, name in chosen
    }
    settings = NodeSettings(
        root=str(root),
        pops=tuple(
            PopSettings(name, ports.http, ports.https if project.distributions else 0)
            for name, ports in listening.items()
        ),
        bind=bind,
        level=level or "",
        deadlines=deadlines,
        log_bytes_max=tables.load("logs")["bytes_max"],
        guest_packages=environment.read("SKERRY_GUEST_PACKAGES"),
    )
    settled(settings.pops)
    desired = desire(
        project,
        version=0,
        versions={},
        ports={pop.name: Ports(pop.http_port, pop.https_port) for pop in settings.pops},
        is_folder=lambda path: Path(path).is_dir(),
        deadlines=deadlines,
    )
    if not servable(desired.findings):
        count = sum(finding.level == "error" for finding in desired.findings)
        raise ConfigError(
            "project.unservable",
            f"the project cannot be run: {count} {'error' if count == 1 else 'errors'}",
            hint="mend what is listed above; `skerry check` shows it again",
            findings=desired.findings,
        )
    node_settings.write(settings)  # makes the folders
    open_logs(settings)
    tls.furnish(
        project,
        settings.tls,
        SystemClock(),
        os.environ,  # noqa: TID251 - handed on as a whole, not read
    )
    return settings


def own_ports(project: Project, number: int) -> Ports:
    """PoP n: +n."""
    return Ports(project.local.http_port + number, project.local.https_port + number)


def all_pops(project: Project) -> tuple[PopSettings, ...]:
    """Every PoP where the project's own ports put it."""
    made = []
    for number, pop in enumerate(project.local.pops):
        ports = own_ports(project, number)
        made.append(PopSettings(pop.name, ports.http, ports.https if project.distributions else 0))
    return tuple(made)


def settled(pops: tuple[PopSettings, ...]) -> None:
    """Raises ConfigError where ports cannot be, before one of our own PoPs is blamed for holding them."""
    owners: dict[int, str] = {}
    for pop in pops:
        for kind, port in (("http", pop.http_port), ("https", pop.https_port)):
            what = f"{kind} of {pop.name}"
            if port > PORT_MAX or port in owners:
                reason = f"is also that for {owners[port]}" if port in owners else "does not exist"
                raise ConfigError(
                    "node.ports",
                    f"port {port}, wanted for {what}, {reason}",
                    hint="set http_port and https_port under [local] in skerry.toml: PoP n uses them + n",
                )
            if port:
                owners[port] = what


def choose(project: Project, words: tuple[str, ...]) -> list[tuple[int, str]]:
    """Which PoPs run, each with its number in the project (ports hang on it). Raises CallerError."""
    every = [(number, pop.name) for number, pop in enumerate(project.local.pops)]
    if not words:
        return every
    if len(words) == 1 and words[0].isdigit() and int(words[0]) > 0:
        return every[: int(words[0])]
    names = [name for _number, name in every]
    for word in words:
        if word not in names:
            raise CallerError(
                "pop.unknown",
                f"there is no PoP {word}",
                hint=f"there are {', '.join(names)}",
                about=word,
            )
    return [(number, name) for number, name in every if name in words]


def open_logs(settings: NodeSettings) -> None:
    """See that every log can be written, before an engine ends because it cannot. Raises OSError."""
    files = [logfile.file_of(pop.name, settings.access_log_format) for pop in settings.pops]
    for name in (*files, "functions.log", "node.log"):
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        # what viewers asked for and what functions print is nobody else's to read
        os.close(os.open(settings.log / name, flags, 0o600))
