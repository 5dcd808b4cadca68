"""`skerry untrust`: take back what `skerry trust` did, and remove the local CA."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout; asks nothing.")
def command(yes: bool, dry_run: bool, as_json: bool) -> int:
    """Remove the local CA from stores and from disk. Says what it removes.

    Certificates that a running `skerry up` shows are believed by nobody from then on.
    """
    import os

    from skerry.cli import consent
    from skerry.cli.trust import as_data, exit_code, tell, write_json
    from skerry.trust import authority, store

    folder = authority.data_folder(os.environ)
    steps = store.steps_to_untrust(folder, store.this_machine(os.environ))
    if not steps and not as_json:
        click.echo(f"nothing to remove: there is no local CA in {folder}, and no store holds one")
        return 0
    if not (dry_run or yes or as_json):
        for step in steps:
            click.echo(str(step))
        consent.ask("remove these?")
    taken = [store.Taken(step) for step in steps] if dry_run else store.take(steps)
    if as_json:
        write_json({"steps": as_data(taken)})
    else:
        tell(taken, dry_run, sys.stdout)
    return exit_code(taken)
