"""`skerry up`: run the project on this machine."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from skerry.node.settings import NodeSettings
    from skerry.spec.project import Project

START_S = 30.0
LOG_BYTES_MAX = 64 * 1024 * 1024


@click.command("up")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--detach", is_flag=True, help="Leave it running and return.")
@click.option("--wait", is_flag=True, help="With --detach: return only when every PoP serves.")
@click.option(
    "--bind", default="127.0.0.1", show_default=True, metavar="ADDR", help="Where viewers connect."
)
@click.option("--open", "browse", is_flag=True, help="Open the first PoP in a browser.")
@click.option(
    "--no-deadline", is_flag=True, help="Let function calls take for ever, for a debugger."
)
@click.option(
    "--level",
    type=click.Choice(["strict", "warn", "relaxed"]),
    help="Instead of the project's own.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "standard"]),
    default="json",
    show_default=True,
    help="Of access records: JSON lines, or CloudFront's standard format.",
)
@click.option(
    "--pop", "pops", multiple=True, metavar="N|NAME", help="Only the first N PoPs, or those named."
)
def command(
    path: Path,
    detach: bool,
    wait: bool,
    bind: str,
    browse: bool,
    no_deadline: bool,
    level: str | None,
    log_format: str,
    pops: tuple[str, ...],
) -> None:
    """Run the project in PATH: three PoPs on this machine, reloaded at every save."""
    began = time.monotonic()
    from skerry.cli import greeting
    from skerry.control.client import Client
    from skerry.node.start import Starting

    root = path.resolve()
    settings = prepare(root, level, pops, bind=bind, deadlines=not no_deadline)
    settings = replace(settings, access_log_format=log_format)
    starting = Starting(settings if detach else replace(settings, parent_pid=os.getpid()))
    try:
        if detach and not wait:
            starting.wait("bound", START_S)
            click.echo(
                f"starting (pid {starting.process.pid}); `skerry status` tells how far it is",
                err=True,
            )
            return
        starting.wait("up", START_S)
        with Client(root) as control:
            state = control.ask("state")
        greeting.tell(
            state,
            ready_s=time.monotonic() - began,
            out=sys.stdout,
            ca=greeting.unbelieved_ca(os.environ, Path.cwd()),
            at="" if root == Path.cwd() else str(path),
        )
        if browse:
            click.launch(state["pops"][0]["http"])
        if detach:
            return
        from skerry.cli.foreground import Foreground

        code = Foreground(root, starting, state).run()
    except BaseException:  # Ctrl-C while starting, or any error: what was started must not stay
        starting.stop()
        raise
    if code:
        sys.exit(code)


def prepare(
    root: Path, level: str | None, pops: tuple[str, ...], *, bind: str, deadlines: bool
) -> NodeSettings:
    """Read the project and say how it is to be run. Raises ConfigError with every finding that forbids it."""
    from skerry.base import environment
    from skerry.base.clock import SystemClock
    from skerry.base.errors import ConfigError
    from skerry.control import tls
    from skerry.control.desired import desire, servable
    from skerry.node import lock, start
    from skerry.node import settings as node_settings
    from skerry.node.settings import STATE_FOLDER, NodeSettings, PopSettings
    from skerry.pop.compile import Ports
    from skerry.readers import project as reader

    running = (
        lock.holder(root / STATE_FOLDER / "run") if (root / STATE_FOLDER / "run").is_dir() else None
    )
    if running is not None:
        raise start.already(running)
    project = reader.read(root)
    rotate(root / STATE_FOLDER / "log")
    chosen = choose(project, pops)
    settings = NodeSettings(
        root=str(root),
        pops=tuple(
            PopSettings(
                name,
                project.local.http_port + number,
                project.local.https_port + number if project.distributions else 0,
            )
            for number, name in chosen
        ),
        bind=bind,
        level=level or "",
        deadlines=deadlines,
        guest_packages=environment.read("SKERRY_GUEST_PACKAGES"),
    )
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
    tls.furnish(project, settings.tls, SystemClock(), os.environ)
    return settings


def choose(project: Project, words: tuple[str, ...]) -> list[tuple[int, str]]:
    """Which PoPs run, each with its number in the project (ports hang on it). Raises CallerError."""
    from skerry.base.errors import CallerError

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


def rotate(folder: Path) -> None:
    """Move logs away that have grown large: one older generation is kept."""
    for log in folder.glob("*.log"):
        if log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))
