"""The command line as a page, from the command tree itself."""

from __future__ import annotations

import click

from skerry.cli.main import skerry
from skerry.cli.tree import COMMANDS, LATER

EXIT_CODES = [
    ("0", "good"),
    ("2", "configuration: something that was written is wrong"),
    ("3", "caller: something that was asked cannot be"),
    ("4", "upstream: an origin, cloud or peer failed"),
    ("5", "code: a function of yours threw, timed out or broke a limit"),
    ("6", "busy: the same call may work later"),
    ("70", "a bug of ours; the message names a file with its traceback"),
    ("130", "interrupted with Ctrl-C"),
]


def page() -> str:
    """docs/reference/cli.md."""
    context = click.Context(skerry, info_name="skerry")
    parts = ["# Command line\n\nstdout is data, stderr is talk.\n\n"]
    for name in COMMANDS:
        command = skerry.get_command(context, name)
        if command is not None:
            parts.append(section(command, click.Context(command, context, info_name=name)))
    parts.append("## Exit codes\n\n| code | meaning |\n|---|---|\n")
    parts += [f"| {code} | {meaning} |\n" for code, meaning in EXIT_CODES]
    parts.append("\n## Later\n\nWords that are known and answered by name: ")
    parts.append(", ".join(f"`{word}`" for word in LATER) + ".\n")
    return "".join(parts)


def section(command: click.Command, context: click.Context, depth: int = 2) -> str:
    """One command: how it is called, what it does, its options; then those below it."""
    context.max_content_width = context.terminal_width = 100
    usage = command.get_usage(context).removeprefix("Usage: ")
    text = f"{'#' * depth} {context.command_path}\n\n```\n{usage}\n```\n\n"
    if command.help:
        text += command.help.strip().replace("\b\n", "") + "\n\n"
    rows = [
        record
        for param in command.get_params(context)
        if isinstance(param, click.Option) and (record := param.get_help_record(context))
    ]
    if rows:
        text += "| option | |\n|---|---|\n"
        text += "".join(f"| `{cell(names)}` | {cell(about)} |\n" for names, about in rows) + "\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                text += section(below, click.Context(below, context, info_name=name), depth + 1)
    return text


def cell(text: str) -> str:
    """As it can stand in a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")
