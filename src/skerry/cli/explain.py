"""`skerry explain`: a URL (what would happen), a request id (what happened), a code (what it means)."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable
from pathlib import Path

import click

ID_CHARACTERS = 56  # as CloudFront's: crates/skerry-engine/src/record.rs, ID_BYTES
REQUEST_ID = re.compile(rf"[A-Za-z0-9_-]{{{ID_CHARACTERS - 2}}}==")
SHORT_ID = 12  # characters that a terminal shows: 72 random bits
SHORT = re.compile(rf"[A-Za-z0-9_-]{{{SHORT_ID}}}")


class DashedIds(click.Command):
    """A request id may begin with a dash, as CloudFront's may, and is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Ids behind a `--`."""
        ids = [word for word in args if word.startswith("-") and is_id(word)]
        others = [word for word in args if word not in ids]
        return super().parse_args(ctx, [*others, "--", *ids] if ids else args)


@click.command("explain", cls=DashedIds)
@click.argument("what", metavar="URL|ID|CODE")
@click.option(
    "-X",
    "method",
    default="GET",
    show_default=True,
    metavar="METHOD",
    help="With a URL: the method.",
)
@click.option(
    "-H", "headers", multiple=True, metavar="'NAME: VALUE'", help="With a URL: a request header."
)
@click.option("--pop", metavar="NAME", help="With a URL: at this PoP.")
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
    what: str, method: str, headers: tuple[str, ...], pop: str | None, as_json: bool, root: Path
) -> None:
    """Say why: simulate a URL, tell what happened to a request, or what a code or reason means."""
    if is_address(what):
        url = what
    elif REQUEST_ID.fullmatch(what):
        url = ""
    elif SHORT.fullmatch(what) and (whole := whole_id(root.resolve(), what)):
        url, what = "", whole
    else:
        found = look_up(what, root.resolve())
        click.echo(json.dumps(found) if as_json else tell_code(found))
        return
    from skerry.control.client import Client
    from skerry.pop import explain, records

    with Client(root.resolve(), elsewhere="say --at FOLDER") as control:
        if url:
            pairs = [split(header) for header in headers]
            answer = control.ask("explain_url", url=url, method=method, headers=pairs, pop=pop)
        else:
            answer = control.ask("explain_request", id=what)
            answer["output"] = records.outputs(root.resolve() / ".skerry" / "log", what)
    if as_json:
        click.echo(json.dumps(answer))
        return
    click.echo(explain.tell(answer["explained"], answer["pop"]))
    if answer.get("output"):
        click.echo("\n" + explain.tell_outputs(answer["output"]))


def is_id(word: str) -> bool:
    """Whether it looks like an id, whole or as `skerry logs` shows it in a terminal."""
    return bool(REQUEST_ID.fullmatch(word) or (SHORT.fullmatch(word) and not word.startswith("--")))


def whole_id(root: Path, short: str) -> str:
    """The id that begins so, by the project's logs; empty where they have none."""
    from skerry.cli.logs import settle
    from skerry.pop.records import Logs

    settle(root)
    found = Logs(root / ".skerry" / "log", whole=True).new()
    ids = (str(record.get("request_id", "")) for record in reversed(found))
    return next((each for each in ids if each.startswith(short)), "")


def is_address(what: str) -> bool:
    """A URL that can be simulated. Raises CallerError for one of another scheme, or without a host."""
    from skerry.base.errors import CallerError

    scheme, colon, rest = what.partition("://")
    if not colon:
        return False
    if scheme not in ("http", "https") or not rest.partition("/")[0]:
        raise CallerError(
            "explain.url",
            f"{what!r} is no URL that a viewer could ask for",
            hint="write http://HOST/PATH or https://HOST/PATH",
        )
    return True


def look_up(word: str, root: Path) -> dict[str, str]:
    """A code or a reason of any table, offline. Raises CallerError for a stranger. root: the project's folder."""
    from skerry.base import reasons

    found = reasons.find(word.removesuffix(" from cloudfront"))  # X-Cache may be pasted whole
    if found is None:
        raise unknown(word, reasons.names(), lambda: address_of(root))
    return found


def tell_code(found: dict[str, str]) -> str:
    """For a person."""
    head = found.get("code") or found["reason"]
    lines = [f"{head} ({found.get('class') or found['group']})", f"  {found['meaning']}"]
    if found.get("todo"):
        lines += ["", f"  {found['todo']}"]
    return "\n".join(lines)


def address_of(root: Path) -> str:
    """Where the first PoP of the project listens; the default where nothing runs."""
    from skerry.base.errors import SkerryError
    from skerry.control.client import Client

    try:
        with Client(root, timeout_s=2.0) as control:
            return str(control.ask("state")["pops"][0]["http"])
    except SkerryError:
        return "http://localhost:8080"


def unknown(word: str, known: list[str], address: Callable[[], str]) -> Exception:
    """Neither a URL, nor a request id, nor a word of any table. address: of the project that was asked about."""
    from skerry.base.errors import CallerError

    lowered = {name.lower(): name for name in known}
    if "/" in word:
        return CallerError(
            "explain.url",
            f"{word!r} is no URL: it has no scheme{'' if word[0] != '/' else ' and no host'}",
            hint=f"write it whole: {address() if word[0] == '/' else 'http://'}{word}",
        )
    near = [lowered[name] for name in difflib.get_close_matches(word.lower(), lowered, n=1)]
    hint = (
        f"did you mean {near[0]}?"
        if near
        else f"codes stand in docs/reference; a request id has {ID_CHARACTERS} characters (X-Amz-Cf-Id)"
    )
    return CallerError("explain.unknown_code", f"no code or reason is named {word!r}", hint=hint)


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
