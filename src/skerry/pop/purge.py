"""What a purge names: `PATH*`, whole URLs, tags, everything. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlsplit

import msgspec

from skerry.base.errors import CallerError

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
NAMES = {"\0": "NUL", "\t": "tab", "\n": "line feed", "\r": "carriage return", "\x7f": "DEL"}
UNWRITTEN = re.compile(r"[^\x21-\x7e]+")  # what a browser sends percent-encoded
PATHS_MAX = 3000  # CloudFront's limit of paths in one invalidation


class Purge(msgspec.Struct, frozen=True):
    """As skerry._native.Engine.purge takes it. hosts empty: of every distribution. soft: revalidate, don't drop."""

    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    all: bool = False
    soft: bool = False


def parse(
    words: Sequence[str],
    *,
    tags: Sequence[str] = (),
    soft: bool = False,
    is_folder: Callable[[str], bool] = lambda _word: False,
) -> Purge:
    """Words of the command line to one purge. Raises CallerError naming the word.

    A word is a path from `/` or a URL whose host narrows it; `*` stands at the end alone, as in CloudFront's
    invalidations. `/*` without a host is everything. A space and what is not ASCII are sent as browsers send them,
    percent-encoded (UTF-8). CloudFront would add a missing slash; here such a word is as likely a folder.

    is_folder  whether a word names a folder, for the hint
    """
    paths: list[str] = []
    hosts: list[str] = []
    for word in words:
        refuse(word, is_folder)
        host, path = split(word)
        if "*" in path[:-1]:
            raise CallerError(
                "purge.wildcard",
                f"{word!r}: `*` may stand at the end only",
                hint=f"purge what lies before it: {path[: path.index('*') + 1]!r}",
                about=word,
            )
        paths.append(path)
        if host:
            hosts.append(host)
    if hosts and len(hosts) != len(paths):
        raise CallerError(
            "purge.mixed",
            "some words name a host and others do not",
            hint="purge them in two commands",
        )
    if not paths and not tags:
        raise CallerError(
            "purge.nothing",
            "nothing to purge was named",
            hint="`skerry purge '/*'` purges everything",
        )
    if len(paths) > PATHS_MAX:
        raise CallerError(
            "purge.too_many", f"{len(paths)} paths, at most {PATHS_MAX} at once", hint="use PATH*"
        )
    everything = "/*" in paths and not hosts
    return Purge(
        paths=() if everything else tuple(dict.fromkeys(paths)),
        hosts=tuple(dict.fromkeys(hosts)),
        tags=tuple(dict.fromkeys(tags)),
        all=everything,
        soft=soft,
    )


def refuse(word: str, is_folder: Callable[[str], bool]) -> None:
    """Raises CallerError for what can name no object."""
    if control := CONTROL.search(word):
        name = NAMES.get(control[0], "control character")
        raise CallerError(
            "purge.control_character",
            f"{word!r} has a {name} (U+{ord(control[0]):04X}), and no request can have one in its path",
            hint=f"leave it out, or write it as %{ord(control[0]):02X} where the object's address has it so",
            about=repr(word),
        )
    if "://" not in word and not word.startswith("/"):
        folder = f"; for the project in that folder, `--at {word}`" if is_folder(word) else ""
        raise CallerError(
            "purge.relative",
            f"{word!r} is no path: it does not begin with a slash",
            hint=f"write {'/' + word!r}{folder}",
            about=word,
        )


def split(word: str) -> tuple[str, str]:
    """Host (empty where none is named) and path with query, as stored."""
    if "://" not in word:
        return "", encoded(word)
    parts = urlsplit(word)
    path = encoded((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
    return (parts.hostname or "").lower(), path


def encoded(path: str) -> str:
    """As a browser writes it in a request; what is encoded already stays."""
    return UNWRITTEN.sub(lambda found: quote(found[0].encode("utf-8", "surrogateescape")), path)
