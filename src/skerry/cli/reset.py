"""`skerry reset`: forget a project's state on this machine."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("reset")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(path: Path, yes: bool) -> None:
    """Stop the project in PATH and remove its .skerry folder, after saying what is in it."""
    import shutil

    from skerry.base.units import format_bytes
    from skerry.cli import consent
    from skerry.node.start import stop

    state = path.resolve() / ".skerry"
    if not state.is_dir():
        click.echo(f"nothing to remove: there is no {state}", err=True)
        return
    click.echo(f"removes {state}:", err=True)
    for entry in sorted(state.iterdir()):
        click.echo(
            f"  {entry.name:<12} {format_bytes(size(entry)):>8}  {MEANINGS.get(entry.name, '')}",
            err=True,
        )
    click.echo(
        "keeps your files and the local certificate authority (`skerry untrust` removes that)",
        err=True,
    )
    if not yes:
        consent.ask("remove it?")
    stop(state / "run", 20.0)
    shutil.rmtree(state)
    click.echo("removed", err=True)


MEANINGS = {
    "run": "sockets and tokens of the run",
    "log": "access records and functions' output",
    "pops": "each PoP's journal of purges",
    "functions": "frozen versions of handlers",
    "tls": "local certificates",
    "told": "notes that are shown once",
    ".gitignore": "",
}


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
    if not path.is_dir():
        return path.lstat().st_size
    return sum(each.lstat().st_size for each in path.rglob("*") if not each.is_dir())
