"""`skerry.toml` → what it says, with the place of every word. A file that is not there says nothing."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from skerry.base.finding import Place
from skerry.readers import schema, toml_places
from skerry.readers.report import Report
from skerry.spec.pop import Local, Pop
from skerry.spec.project import Level, Profile

FILE = "skerry.toml"
POP_NAME = r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"  # a label of a host name (RFC 1123 2.1), and short
AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class FunctionSettings(msgspec.Struct, frozen=True):
    """[function.NAME]; None or empty: not said here."""

    source: str = ""
    handler: str = ""
    runtime: str = ""
    python: str | None = None
    egress: Literal["any", "none"] | tuple[str, ...] = "any"
    memory_mb: int | None = None
    timeout_s: float | None = None
    place: Place | None = None


class Settings(msgspec.Struct, frozen=True):
    """All of the file. reads: what to read, and where that was said. readable: False where nothing of it is known."""

    root: Path
    name: str
    profile: Profile = "cloudfront"
    level: Level = "warn"
    reads: tuple[tuple[str, Place], ...] = ()
    shields: dict[str, str] = {}
    functions: dict[str, FunctionSettings] = {}
    local: Local = Local()
    places: dict[tuple[str, ...], Place] = {}
    present: bool = False
    readable: bool = True

    def where(self, *path: str) -> Place:
        """Where something stands; the nearest table where it has no place of its own."""
        return nearest(self.places, path)


def nearest(places: dict[tuple[str, ...], Place], path: tuple[str, ...]) -> Place:
    """The place of a path, or of what it stands in."""
    while path:
        if path in places:
            return places[path]
        path = path[:-1]
    return Place(FILE)


def read(root: Path, report: Report) -> Settings:
    """The project's file. What is wrong in it becomes findings, all of them at once."""
    path = root / FILE
    if not path.is_file():
        return Settings(root, root.name or "project")
    name = report.read(path)
    try:
        text = path.read_bytes().decode()
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        report.add("toml.unreadable", "error", Place(name), f"the file cannot be read: {error}")
        return Settings(root, root.name, present=True, readable=False)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        match = AT.search(message)
        line, column = (int(match.group(1) or 0), int(match.group(2) or 0)) if match else (0, 0)
        line = line or text.count("\n") + 1
        report.add(
            "toml.syntax",
            "error",
            Place(name, line, column),
            AT.sub("", message)[:1].lower() + AT.sub("", message)[1:],
        )
        return Settings(root, root.name, present=True, readable=False)
    places = {key: Place(name, *spot) for key, spot in toml_places.find(text).items()}
    kept = schema.check(document, report, lambda key: nearest(places, key))
    return build(root, kept, places, report)


def build(
    root: Path, kept: dict[str, object], places: dict[tuple[str, ...], Place], report: Report
) -> Settings:
    """Settings from a document that the schema has checked."""
    functions = {
        name: msgspec.structs.replace(
            msgspec.convert(found, FunctionSettings), place=nearest(places, ("function", name))
        )
        for name, found in tables(kept, "function").items()
    }
    local = local_of(tables(kept, "local"), places, report)
    reads = kept.get("reads")
    listed = [str(item) for item in reads] if isinstance(reads, list) else []
    profile, level = kept.get("profile", "cloudfront"), kept.get("level", "warn")
    return Settings(
        root=root,
        name=str(kept.get("name") or root.name),
        profile=msgspec.convert(profile, Profile),
        level=msgspec.convert(level, Level),
        reads=tuple((item, nearest(places, ("reads",))) for item in listed),
        shields={
            name: str(found["shield"])
            for name, found in tables(kept, "origin").items()
            if isinstance(found, dict) and "shield" in found
        },
        functions=functions,
        local=local,
        places=places,
        present=True,
    )


def tables(found: dict[str, object], name: str) -> dict[str, object]:
    """A table in a table, empty where it is not there."""
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def local_of(
    found: dict[str, object], places: dict[tuple[str, ...], Place], report: Report
) -> Local:
    """[local]."""
    origins = {name: str(value) for name, value in tables(found, "origin").items()}
    pops: list[Pop] = []
    for name, pop in tables(found, "pop").items():
        fields = pop if isinstance(pop, dict) else {}
        if not re.fullmatch(POP_NAME, name):
            report.add(
                "toml.value",
                "error",
                nearest(places, ("local", "pop", name)),
                f'"{name}" cannot be a PoP\'s name: it is part of host names and of file names',
                "use lower-case letters, digits and hyphens, 32 at most: us-east",
            )
            continue
        at = str(fields.get("at", ""))
        if not re.fullmatch(r"[a-z]{3}", at):
            report.add(
                "toml.value",
                "error",
                nearest(places, ("local", "pop", name)),
                f'the PoP {name} needs `at`, three letters in lower case ("{at}")',
                f'pop.{name} = {{ at = "iad", origin_rtt_ms = 8 }}',
            )
            continue
        pops.append(Pop(name, at, float(fields.get("origin_rtt_ms", 0.0))))
    default = Local()
    return Local(
        http_port=int(str(found.get("http_port", default.http_port))),
        https_port=int(str(found.get("https_port", default.https_port))),
        vars=tables(found, "vars"),
        pops=tuple(pops) or default.pops,
        origins=origins,
    )
