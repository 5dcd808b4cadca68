"""`skerry purge`: forget cached objects, on every PoP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from skerry.cli.seconds import Seconds


@click.command("purge")
@click.argument("words", nargs=-1, metavar="PATH*|URL …")
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Everything that carries this tag."
)
@click.option("--soft", is_flag=True, help="Keep it, but ask the origin before the next use.")
@click.option("--pop", "pops", multiple=True, metavar="NAME", help="Only on this PoP.")
@click.option(
    "--timeout-s",
    type=Seconds(),
    default=10,
    show_default=True,
    help="How long to wait for all PoPs.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--at",
    "root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    metavar="FOLDER",
    help="The project's folder, where it is not this one.",
)
def command(
    words: tuple[str, ...],
    tags: tuple[str, ...],
    soft: bool,
    pops: tuple[str, ...],
    timeout_s: float,
    as_json: bool,
    root: Path,
) -> None:
    """Purge paths (`/img/*`), URLs or tags, and return when every PoP has it.

    A path is matched against what viewers ask for and against what a function rewrites it to. One without a query
    also finds the objects whose key ignores some of the query.
    """
    from skerry.base.errors import BusyError
    from skerry.control.client import Client
    from skerry.pop import purge

    wanted = purge.parse(words, tags=tags, soft=soft, is_folder=lambda word: Path(word).is_dir())
    with Client(root.resolve(), timeout_s + 5.0, elsewhere="say --at FOLDER") as control:
        answer = control.ask(
            "purge",
            paths=wanted.paths,
            hosts=wanted.hosts,
            tags=wanted.tags,
            all=wanted.all,
            soft=wanted.soft,
            pops=pops,
            timeout_s=timeout_s,
        )
    if as_json:
        click.echo(json.dumps(answer))
    else:
        for each in sorted(answer["done"], key=lambda each: each["pop"]):
            # each PoP counts its purges by itself: the sequence is for programs (--json)
            click.echo(f"{each['pop']}: purged, {each['ms']:g} ms; {covered(each)}")
    if answer["pending"]:
        raise BusyError(
            "purge.pending",
            f"not yet purged on {', '.join(answer['pending'])}",
            hint="run it again, and see `skerry status`",
        )


def covered(done: Mapping[str, object]) -> str:
    """What is known of the objects that a PoP held. No number is made up: each is looked at when it is asked for."""
    held = f"{done['held']} object{'' if done['held'] == 1 else 's'}"
    if done["purged"] is None:
        return f"each of its {held} is checked when next asked for"
    return f"all of its {held}"
