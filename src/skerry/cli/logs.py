"""`skerry logs`: requests and functions' output of all PoPs, by time."""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from skerry.pop.records import Record

LOOK_S = 0.1
SETTLE_S = 0.06  # an engine that was asked for its status has written its records by then


@click.command("logs")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    metavar="N",
    default=50,
    show_default=True,
    help="How many of the past.",
)
@click.option("--pop", "pops", multiple=True, metavar="NAME", help="Only this PoP.")
@click.option(
    "--id", "request_id", metavar="ID", help="Only this request, and what functions said in it."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def command(
    path: Path,
    follow: bool,
    lines: int,
    pops: tuple[str, ...],
    request_id: str | None,
    as_json: bool,
) -> None:
    """Show access records and what functions printed, times in UTC. Works also when nothing runs any more.

    A terminal shows what fits, with the first letters of each request's id; a pipe and --json get everything.
    """
    from skerry.pop.records import Logs

    root = path.resolve()
    folder = root / ".skerry" / "log"
    if not follow:  # who follows may wait for a run that is still to come
        look(folder, pops)
    elif not folder.is_dir():
        click.echo(f"waiting for a run in {root}", err=True)
    settle(root)
    logs = Logs(folder, pops, whole=request_id is not None)
    past = chosen(logs.new(), request_id)
    if request_id and not past and not follow:
        raise unknown(request_id)
    if lines and not past and not follow:
        click.echo(f"nothing was logged yet in {root}", err=True)
    for record in past[-lines:] if lines else []:
        show(record, as_json, str(root))
    while follow:
        time.sleep(LOOK_S)  # a file has no event that poll(2) knows
        for record in chosen(logs.new(), request_id):
            show(record, as_json, str(root))


def settle(root: Path) -> None:
    """Have the engines write the records that they hold: they do so once a second, and when asked for their status."""
    from skerry.base.errors import SkerryError
    from skerry.control.client import Client

    try:
        with Client(root, timeout_s=2.0) as control:
            control.ask("status")
    except SkerryError:
        return  # nothing runs, or it restarts: what is written is all there is
    time.sleep(SETTLE_S)


def chosen(found: list[Record], request_id: str | None) -> list[Record]:
    """Records of one request, or all."""
    return [
        one
        for one in found
        if request_id is None or is_meant(request_id, str(one.get("request_id", "")))
    ]


def is_meant(word: str, request_id: str) -> bool:
    """Whether an id was written, whole or as a terminal shows it."""
    from skerry.cli.explain import SHORT_ID

    return word == request_id or (len(word) == SHORT_ID and request_id.startswith(word))


def unknown(request_id: str) -> Exception:
    """The logs know nothing of it."""
    from skerry.base.errors import CallerError

    return CallerError(
        "logs.unknown_request",
        f"no log of this project has a request {request_id}",
        hint="the id stands in X-Amz-Cf-Id; give the folder of the project that answered",
        about=request_id,
    )


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


def show(record: Record, as_json: bool, root: str) -> None:
    """One record on stdout: for a person who looks, for a program, or for whatever reads a pipe."""
    click.echo(json.dumps(record) if as_json else readable(record, root, sys.stdout))


def readable(record: Record, root: str, out: TextIO) -> str:
    """A record in words, as wide as the terminal; where it is none, whole."""
    from skerry.cli import line, render
    from skerry.pop import records

    if not out.isatty():
        return records.tell(record)
    width = shutil.get_terminal_size().columns
    return line.told(record, width, root, lambda text, colour: render.paint(text, colour, out))
