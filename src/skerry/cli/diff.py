"""`skerry diff`: what would change if the project were run as its files are now."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from skerry.base.errors import ConfigError
from skerry.cli import render
from skerry.readers import changes, project
from skerry.spec.project import Project

RUNNING = Path(".skerry/run/project.json")  # written by control with each snapshot


@click.command("diff")
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option("--json", "as_json", is_flag=True, help="One object with every change.")
def command(path: Path, as_json: bool) -> int:
    """Compare a project's files with what runs.

    + is what would come, - what would go, ~ what would change. Origins' header values may be
    secrets and are never shown. Where the files have errors, those are told and nothing is compared.
    """
    running = running_project(path)
    wanted = project.read(path)
    errors = [finding for finding in wanted.findings if finding.level == "error"]
    # what could not be read is missing, and would be told as if it went
    found = [] if errors else changes.compare(running, wanted)
    if as_json:
        answer = {"changes": found, "findings": errors}
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    else:
        for change in found:
            sys.stdout.write(f"{change}\n")
        if not found and not errors:
            sys.stdout.write("nothing has changed\n")
        render.findings(errors)
    if errors and not as_json:
        sys.stderr.write("\nthe files cannot be served as they are: what runs stays\n")
    return ConfigError.exit_code if errors else 0


def running_project(path: Path) -> Project:
    """What runs. Raises ConfigError where nothing does."""
    folder = path if path.is_dir() else path.parent
    try:
        return msgspec.json.decode((folder / RUNNING).read_bytes(), type=Project)
    except FileNotFoundError:
        raise ConfigError(
            "diff.nothing_runs",
            f"nothing runs in {folder.resolve()}",
            hint="`skerry up` starts it; `skerry check` judges the files alone",
        ) from None
    except msgspec.DecodeError as error:
        raise ConfigError(
            "diff.unreadable",
            f"{folder / RUNNING} was written by another version: {error}",
            hint="`skerry down && skerry up`",
        ) from None
