"""`skerry explain`: a URL (what would happen), a request id (what happened), a code (what it means)."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any  # Any: tables and control's answers are JSON

import click

CODE_TABLES = ("errors", "contract")  # the second is of edge functions' calls; their codes differ
CODE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_.]*")
DASHED_ID = re.compile(r"-[A-Za-z0-9_-]{40,}={0,2}")
REASON = re.compile(r"[a-z]+(-[a-z]+)*")


class DashedIds(click.Command):
    """A request id may begin with a dash, as CloudFront's may, and is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Ids behind a `--`."""
        ids = [word for word in args if DASHED_ID.fullmatch(word)]
        others = [word for word in args if word not in ids]
        return super().parse_args(ctx, [*others, "--", *ids] if ids else args)


@click.command("explain", cls=DashedIds)
@click.argument("what", metavar="URL|ID|CODE")
@click.option("-X", "method", default="GET", show_default=True, help="With a URL: the method.")
@click.option(
    "-H", "headers", multiple=True, metavar="'NAME: VALUE'", help="With a URL: a request header."
)
@click.option("--pop", help="With a URL: at this PoP.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option(
    "--at", "root", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."
)
def command(
    what: str, method: str, headers: tuple[str, ...], pop: str | None, as_json: bool, root: Path
) -> None:
    """Say why: simulate a URL, tell what happened to a request, or what a code or reason means."""
    if "://" not in what and (found := look_up(what)) is not None:
        click.echo(json.dumps(found) if as_json else tell_code(found))
        return
    if "://" not in what and CODE.fullmatch(what):
        raise unknown(what)
    from skerry.control.client import Client
    from skerry.pop import explain

    with Client(root.resolve()) as control:
        if "://" in what:
            pairs = [split(header) for header in headers]
            answer = control.ask("explain_url", url=what, method=method, headers=pairs, pop=pop)
        else:
            answer = control.ask("explain_request", id=what)
    click.echo(json.dumps(answer) if as_json else explain.tell(answer["explained"], answer["pop"]))


def look_up(word: str) -> dict[str, Any] | None:
    """A code of rules/errors.toml or contract.toml, a reason of rules/reasons.toml, or None. Offline."""
    if not (CODE.fullmatch(word) or REASON.fullmatch(word)):
        return None
    codes = error_codes()
    if word in codes:
        return {"code": word, **codes[word]}
    for group, reasons in tables("reasons").items():
        if word in reasons:
            return {"reason": word, "group": group, "meaning": reasons[word]}
    return None


def error_codes() -> dict[str, dict[str, str]]:
    """`room.name` → class, meaning, todo."""
    return {
        f"{room}.{name}": row
        for table in CODE_TABLES
        for room, rows in tables(table).items()
        for name, row in rows.items()
    }


def tables(name: str) -> dict[str, Any]:
    """A table of rules, loaded when it is needed."""
    from skerry.base import tables

    return tables.load(name)


def tell_code(found: dict[str, Any]) -> str:
    """For a person."""
    head = found.get("code") or found["reason"]
    lines = [f"{head} ({found.get('class') or found['group']})", f"  {found['meaning']}"]
    if found.get("todo"):
        lines += ["", f"  {found['todo']}"]
    return "\n".join(lines)


def unknown(code: str) -> Exception:
    """A code that is in no table."""
    from skerry.base.errors import CallerError

    near = difflib.get_close_matches(code, error_codes(), n=1)
    hint = f"did you mean {near[0]}?" if near else "docs/reference/errors.md lists them"
    return CallerError("explain.unknown_code", f"no code is named {code}", hint=hint, about=code)


def split(header: str) -> tuple[str, str]:
    """`Name: value`. Raises CallerError."""
    from skerry.base.errors import CallerError

    name, colon, value = header.partition(":")
    if not colon or not name.strip():
        raise CallerError(
            "explain.header",
            f"{header!r} is no header",
            hint="write -H 'Name: value'",
            about=header,
        )
    return name.strip(), value.strip()
