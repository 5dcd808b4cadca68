"""`skerry check`: find what is wrong in a project before it runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from skerry.base.finding import Finding, Place
from skerry.cli import render
from skerry.functions.lint import lint
from skerry.pop import compile
from skerry.readers import project
from skerry.spec.project import Project

EXIT_FOUND = 2  # configuration
GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


@click.command("check")
@click.argument("path", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--json", "as_json", is_flag=True, help="One object: what was read and every finding."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "github"]),
    default="text",
    help="`github`: annotations for GitHub Actions.",
)
@click.option(
    "--level",
    type=click.Choice(["strict", "warn", "relaxed"]),
    help="Judge at this level instead of the project's: at strict a warning fails, too.",
)
def command(path: Path, as_json: bool, form: str, level: str | None) -> int:
    """Read a project and say what is wrong with it, without running anything.

    PATH is the project's folder or one file of it. Exits with 2 where something is wrong.
    """
    found = project.read(path)
    _, mapping = compile.resolve_targets(found, lambda name: Path(name).is_dir())
    code = [finding for each in found.functions for finding in lint(each, Path(found.root))]
    own = (*unsaid(code, found.findings), *mapping, *port_findings(found))
    every = tuple(dict.fromkeys((*found.findings, *own)))
    found = msgspec.structs.replace(found, findings=every)
    judged = level or found.level
    failed = fails(found.findings, judged)
    if as_json:
        answer = {
            "name": found.name,
            "level": judged,
            "good": not failed,
            "files": found.files,
            "distributions": [one.name for one in found.distributions],
            "functions": [one.name for one in found.functions],
            "findings": found.findings,
        }
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    elif form == "github":
        for finding in found.findings:
            sys.stdout.write(annotation(finding) + "\n")
    else:
        render.findings(found.findings)
        if found.findings:
            sys.stderr.write("\n")
        sys.stderr.write(f"{summary(found.findings)} in {len(found.files)} files\n")
    return EXIT_FOUND if failed else 0


def port_findings(found: Project) -> list[Finding]:
    """What `skerry up` would refuse: ports that two of the PoPs want, or that do not exist."""
    from skerry.base.errors import ConfigError
    from skerry.node import prepare

    try:
        prepare.settled(prepare.all_pops(found))
    except ConfigError as error:
        local = found.local
        where = f"[local] http_port = {local.http_port}, https_port = {local.https_port}"
        return [Finding(error.code, "error", where, error.message, error.hint)]
    return []


def unsaid(code: Iterable[Finding], said: Iterable[Finding]) -> list[Finding]:
    """Findings about functions' code, without those of a kind that the readers have told with their line."""
    told = {finding.code for finding in said}
    return [finding for finding in code if finding.code not in told]


def fails(findings: Iterable[Finding], level: str) -> bool:
    """Is it bad enough? Errors always are; at strict, warnings are as well."""
    worst = {"error", "warning"} if level == "strict" else {"error"}
    return any(finding.level in worst for finding in findings)


def summary(findings: Iterable[Finding]) -> str:
    """How many of each."""
    levels = [finding.level for finding in findings]
    parts = [
        f"{levels.count(level)} {level}{'' if levels.count(level) == 1 else 's'}"
        for level in ("error", "warning", "note")
    ]
    return ", ".join(parts)


def annotation(finding: Finding) -> str:
    """A workflow command of GitHub Actions (its documentation: Workflow commands)."""
    where = ""
    if isinstance(finding.where, Place):
        # what is in parentheses is a resource in a JSON file, which has no lines
        where = f" file={escaped(re.sub(r' [(].*[)]$', '', finding.where.file), True)}"
        where += f",line={finding.where.line}" if finding.where.line else ""
        where += f",col={finding.where.column}" if finding.where.column else ""
        where += f",title={escaped(finding.code, True)}"
    message = finding.message + (f"\n{finding.hint}" if finding.hint else "")
    return f"::{GITHUB[finding.level]}{where}::{escaped(message, False)}"


def escaped(text: str, is_property: bool) -> str:
    """As workflow commands want it."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if is_property else text
