"""What a purge names: `PATH*`, whole URLs, tags, everything. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from skerry.base.errors import CallerError

PATHS_MAX = 3000  # CloudFront's limit of paths in one invalidation


class Purge(msgspec.Struct, frozen=True):
    """As skerry._native.Engine.purge takes it. hosts empty: of every distribution. soft: revalidate, don't drop."""

    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    all: bool = False
    soft: bool = False


def parse(words: Sequence[str], *, tags: Sequence[str] = (), soft: bool = False) -> Purge:
    """Words of the command line to one purge. Raises CallerError naming the word.

    A word is a path from `/` (CloudFront adds a missing slash, so do we) or a URL whose host narrows it; `*` stands at
    the end alone, as in CloudFront's invalidations. `/*` without a host is everything.
    """
    paths: list[str] = []
    hosts: list[str] = []
    for word in words:
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


def split(word: str) -> tuple[str, str]:
    """Host (empty where none is named) and path with query, as stored."""
    if "://" not in word:
        return "", word if word.startswith("/") else "/" + word
    parts = urlsplit(word)
    path = parts.path or "/"
    return (parts.hostname or "").lower(), path + (f"?{parts.query}" if parts.query else "")
