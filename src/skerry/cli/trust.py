"""`skerry trust`: let this machine's programs and browsers believe the local CA."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:  # the room needs `cryptography`, which help must not wait for
    from skerry.trust.store import Taken

EXIT_UPSTREAM = 4  # a store refused


@click.command()
@click.option("--dry-run", is_flag=True, help="Show the steps and take none.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(dry_run: bool, as_json: bool) -> int:
    """Let this machine believe certificates of `skerry up`.

    Makes the local CA where there is none yet, and adds it to the system's store (as root) and to those of
    browsers. `skerry untrust` takes it back.
    """
    import getpass
    import os
    import socket
    import time

    from skerry.trust import authority, store

    folder = authority.data_folder(os.environ)
    owner = f"{getpass.getuser()}@{socket.gethostname()}"
    now = authority.utc(time.time())
    there = authority.read(folder) if dry_run else authority.ensure(folder, owner, now)
    # a dry run writes nothing: without a CA the steps are those for one that would be made
    found = there or authority.make(folder, owner, now)
    steps = store.steps_to_trust(found, store.this_machine(os.environ))
    taken = [store.Taken(step) for step in steps] if dry_run else store.take(steps)
    result = {
        "certificate": str(found.path),
        "fingerprint_sha256": found.fingerprint if there else "",
        "ends": found.certificate.not_valid_after_utc.isoformat() if there else "",
        "steps": as_data(taken),
    }
    if as_json:
        write_json(result)
        return exit_code(taken)
    if there:
        click.echo(f"local CA  {found.path}\nSHA-256   {found.fingerprint}")
    else:
        click.echo(f"would make a local CA: {found.path}")
    tell(taken, dry_run, sys.stdout)
    click.echo(
        f"programs with a store of their own: curl --cacert {found.path} · NODE_EXTRA_CA_CERTS={found.path}"
    )
    return exit_code(taken)


def as_data(taken: Sequence[Taken]) -> list[dict[str, str]]:
    """Steps for `--json`."""
    return [{"kind": one.step.kind, "what": str(one.step), "problem": one.problem} for one in taken]


def write_json(result: Mapping[str, object]) -> None:
    """One object, one line."""
    sys.stdout.write(json.dumps(result) + "\n")


def tell(taken: Sequence[Taken], dry_run: bool, out: TextIO) -> None:
    """Steps for a person."""
    for one in taken:
        if one.step.kind == "advice":
            out.write(f"yours to do: {one.step}\n")
        elif one.problem:
            out.write(f"failed: {one.step}: {one.problem}\n")
        else:
            verb = "run " if one.step.kind == "command" else ""
            out.write(f"{f'would {verb}' if dry_run else 'done: '}{one.step}\n")


def exit_code(taken: Sequence[Taken]) -> int:
    """0 where every step that we took went well."""
    return EXIT_UPSTREAM if any(one.problem for one in taken) else 0
