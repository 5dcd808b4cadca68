"""`skerry up`: run the project on this machine."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import click

START_S = 30.0


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
    from skerry.cli import greeting, once
    from skerry.control.client import Client
    from skerry.node.prepare import prepare
    from skerry.node.start import Starting

    root = path.resolve()
    settings = prepare(root, level, pops, bind=bind, deadlines=not no_deadline)
    settings = replace(settings, access_log_format=log_format)
    starting = Starting(settings if detach else replace(settings, parent_pid=os.getpid()))
    told = False
    try:
        if detach and not wait:
            starting.wait("bound", START_S)
            click.echo(
                f"starting (pid {starting.process.pid}); `skerry status` tells how far it is",
                err=True,
            )
            return
        starting.wait("up", START_S)
        at = "" if root == Path.cwd() else str(path)
        with Client(root) as control:
            state = control.ask("state")
        told = True
        greeting.tell(
            state | {"findings": once.untold(state["findings"], root / ".skerry" / "told")},
            ready_s=time.monotonic() - began,
            out=sys.stdout,
            ca=greeting.unbelieved_ca(os.environ, Path.cwd()),
            at=at,
        )
        if browse:
            click.launch(state["pops"][0]["http"])
        if detach:
            return
        from skerry.cli.foreground import Foreground

        code = Foreground(root, starting, state, at).run()
    except BaseException as error:  # Ctrl-C too: what was started must not stay
        # unless it is up and detached, and only nobody reads its greeting to the end
        if not (detach and told and isinstance(error, BrokenPipeError)):
            starting.stop()
        raise
    if code:
        sys.exit(code)
