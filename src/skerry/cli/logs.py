"""`skerry logs`: requests and functions' output of all PoPs, by time."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from skerry.pop.records import Record

LOOK_S = 0.1


@click.command("logs")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="How many of the past.",
)
@click.option("--pop", "pops", multiple=True, help="Only this PoP.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def command(path: Path, follow: bool, lines: int, pops: tuple[str, ...], as_json: bool) -> None:
    """Show access records and what functions printed. Works also when nothing runs any more."""
    from skerry.pop.records import Logs

    folder = path.resolve() / ".skerry" / "log"
    if not follow:  # who follows may wait for a run that is still to come
        look(folder, pops)
    logs = Logs(folder, pops)
    past = logs.new()
    for record in past[-lines:] if lines else []:
        show(record, as_json)
    while follow:
        time.sleep(LOOK_S)  # a file has no event that poll(2) knows
        for record in logs.new():
            show(record, as_json)


def look(folder: Path, pops: tuple[str, ...]) -> None:
    """Raises CallerError where there can be nothing to show."""
    from skerry.base.errors import CallerError
    from skerry.pop.records import pops_of

    if not folder.is_dir():
        raise CallerError(
            "logs.nothing",
            f"there are no logs of a run in {folder.parent.parent}",
            hint="start it with `skerry up`, or give the project's folder",
        )
    known = pops_of(folder)
    for pop in pops:
        if pop not in known:
            hint = f"there are {', '.join(known)}" if known else "none has run here"
            raise CallerError(
                "pop.unknown", f"there are no logs of a PoP {pop}", hint=hint, about=pop
            )


def show(record: Record, as_json: bool) -> None:
    """One record on stdout."""
    from skerry.pop import records

    click.echo(json.dumps(record) if as_json else records.tell(record))
