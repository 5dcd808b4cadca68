"""`skerry down`: stop what `skerry up` has started."""

from __future__ import annotations

from pathlib import Path

import click

from skerry.cli.seconds import Seconds

STOP_S = 20.0


@click.command("down")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option(
    "--timeout-s",
    type=Seconds(),
    default=STOP_S,
    show_default=True,
    help="How long requests under way may take.",
)
def command(path: Path, timeout_s: float) -> None:
    """Stop the project in PATH: requests under way are finished, then everything ends."""
    from skerry.node.start import stop

    root = path.resolve()
    pid = stop(root / ".skerry" / "run", timeout_s)
    click.echo(f"stopped (pid {pid})" if pid else f"nothing ran for {root}", err=True)
