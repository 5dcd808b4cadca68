"""What may stand in `skerry.toml`: every word of the vocabulary, checked strictly and all at once."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Literal

import msgspec

from skerry.base.finding import Place
from skerry.readers.report import Report

Kind = Literal["text", "whole", "number", "texts", "any_table", "table", "named", "egress"]


class Rule(msgspec.Struct, frozen=True):
    """kind: of the value. fields: of a table, or of every table in a `named` one; None there: texts."""

    kind: Kind
    choices: tuple[object, ...] = ()
    low: float = float("-inf")
    high: float = float("inf")
    fields: dict[str, Rule] | None = None
    meaning: str = ""


FUNCTION = {
    "source": Rule("text", meaning="folder or zip with the code, from the project's folder"),
    "handler": Rule("text", meaning="`file.function`"),
    "runtime": Rule("text", meaning="as a cloud would name it: `python3.13`"),
    "python": Rule("text", meaning="virtual environment whose packages the handler may import"),
    "egress": Rule("egress", meaning="`any`, `none`, or a list of hosts"),
    "memory_mb": Rule("whole", low=16, high=10_240, meaning="memory limit, MB"),
    "timeout_s": Rule("number", low=0.001, high=900, meaning="deadline of a call, seconds"),
}
ORIGIN = {"shield": Rule("text", meaning="PoP that stands between the others and this origin")}
POP = {
    "at": Rule("text", meaning="code of its place, three letters (IATA)"),
    "origin_rtt_ms": Rule(
        "number", low=0, high=60_000, meaning="added round trip to origins, milliseconds"
    ),
}
LOCAL = {
    "vars": Rule("any_table", meaning="values of Terraform variables"),
    "http_port": Rule(
        "whole", low=1, high=65_535, meaning="port of the first PoP; the n-th one has n more"
    ),
    "https_port": Rule("whole", low=1, high=65_535, meaning="the same for HTTPS"),
    "pop": Rule("named", fields=POP, meaning="points of presence on this machine"),
    "origin": Rule("named", meaning="origin id or host → folder, URL, `s3://bucket` or `live`"),
}
TOP = {
    "format": Rule("whole", (1,), meaning="version of this file's format"),
    "name": Rule("text", meaning="name of the project; the folder's when left out"),
    "reads": Rule(
        "texts",
        meaning="HCL folders, `terraform show -json` output, distribution JSON, wrangler files",
    ),
    "profile": Rule("text", ("cloudfront", "rfc9111"), meaning="whose caching rules hold"),
    "level": Rule(
        "text", ("strict", "warn", "relaxed"), meaning="what becomes of a broken rule of the cloud"
    ),
    "origin": Rule("named", fields=ORIGIN, meaning="an origin, by its origin_id"),
    "function": Rule("named", fields=FUNCTION, meaning="a function, by its resource's name"),
    "local": Rule("table", fields=LOCAL, meaning="what holds under `skerry up` only"),
}
LATER = {
    "worker": "Workers come with a later version",
    "namespace": "KV namespaces come with a later version",
    "table": "tables come with a later version",
    "gateway": "gateways come with a later version",
    "model": "models come with a later version",
    "hub": "a hub comes with a later version",
}
NAMES: dict[Kind, str] = {
    "text": "a string",
    "whole": "a whole number",
    "number": "a number",
    "texts": "a list of strings",
    "any_table": "a table",
    "table": "a table",
    "named": "a table",
    "egress": '"any", "none" or a list of hosts',
}
Where = Callable[[tuple[str, ...]], Place]


def check(document: dict[str, object], report: Report, where: Where) -> dict[str, object]:
    """The document without what is wrong in it, a finding for each."""
    known = {name: value for name, value in document.items() if name not in LATER}
    for name in document:
        if name in LATER:
            report.add(
                "toml.later",
                "warning",
                where((name,)),
                f"[{name}]: {LATER[name]}; it has no effect yet",
            )
    return table(known, TOP, (), report, where)


def table(
    found: dict[str, object],
    rules: dict[str, Rule],
    path: tuple[str, ...],
    report: Report,
    where: Where,
) -> dict[str, object]:
    """A table with fixed keys."""
    kept: dict[str, object] = {}
    for name, value in found.items():
        here = (*path, name)
        rule = rules.get(name)
        if rule is None:
            near = difflib.get_close_matches(name, [*rules, *(LATER if not path else ())], 1, 0.5)
            report.add(
                "toml.unknown_key",
                "error",
                where(here),
                f"`{'.'.join(here)}` is not known",
                f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(rules)}",
            )
            continue
        good, checked = one(value, rule, here, report, where)
        if good:
            kept[name] = checked
    return kept


def one(
    value: object, rule: Rule, path: tuple[str, ...], report: Report, where: Where
) -> tuple[bool, object]:
    """One value: is it good, and what is left of it."""
    if not fits(value, rule.kind):
        report.add(
            "toml.type", "error", where(path), f"`{'.'.join(path)}` must be {NAMES[rule.kind]}"
        )
        return False, None
    if rule.choices and value not in rule.choices:
        near = difflib.get_close_matches(str(value), [str(choice) for choice in rule.choices], 1)
        report.add(
            "toml.value",
            "error",
            where(path),
            f"`{'.'.join(path)}` is {value!r}; it may be {', '.join(map(str, rule.choices))}".replace(
                "'", '"'
            ),
            f'did you mean "{near[0]}"?' if near else "",
        )
        return False, None
    if isinstance(value, int | float) and not rule.low <= value <= rule.high:
        report.add(
            "toml.value",
            "error",
            where(path),
            f"`{'.'.join(path)}` is {value}, not within {rule.low:g} to {rule.high:g}",
        )
        return False, None
    if rule.kind == "table" and isinstance(value, dict):
        return True, table(value, rule.fields or {}, path, report, where)
    if rule.kind == "named" and isinstance(value, dict):
        return True, named(value, rule, path, report, where)
    return True, value


def named(
    found: dict[str, object], rule: Rule, path: tuple[str, ...], report: Report, where: Where
) -> dict[str, object]:
    """A table of names: of tables with fixed keys, or of texts."""
    kept: dict[str, object] = {}
    for name, value in found.items():
        here = (*path, name)
        if rule.fields is not None and isinstance(value, dict):
            kept[name] = table(value, rule.fields, here, report, where)
        elif rule.fields is None and isinstance(value, str):
            kept[name] = value
        elif rule.fields is None and isinstance(value, dict):
            report.add(
                "toml.type",
                "error",
                where(here),
                f"`{'.'.join(here)}` became a table, since a dot in a key starts one",
                "put a name with dots in quotes",
            )
        else:
            wanted = "a table" if rule.fields is not None else "a string"
            report.add("toml.type", "error", where(here), f"`{'.'.join(here)}` must be {wanted}")
    return kept


def fits(value: object, kind: Kind) -> bool:
    """Is the value of this kind?"""
    if kind == "text":
        return isinstance(value, str)
    if kind == "whole":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "texts":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if kind == "egress":
        return value in ("any", "none") or (
            isinstance(value, list) and all(isinstance(item, str) for item in value)
        )
    return isinstance(value, dict)
