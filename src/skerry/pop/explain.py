"""An explanation, told to a person: the request and its end, then the steps in their order. Pure.

Both kinds come from the engine as JSON: what happened (a record and its steps, docs/reference/json.md) and
what would happen (the same without times). Facts that have no place in the first lines follow by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from skerry.base import reasons
from skerry.pop.records import harmless, tell_text

# Told in the first lines, or of no use to a person.
TOLD = frozenset(
    [
        *(
            "method",
            "scheme",
            "host",
            "url",
            "path",
            "query",
            "status",
            "result",
            "reason",
            "step",
            "steps",
        ),
        *(
            "time_us",
            "origin",
            "origin_us",
            "behavior",
            "distribution",
            "pop",
            "snapshot",
            "time_ms",
        ),
        *("request_id", "first_byte_us", "client_port", "age_s", "ttl_s", "key"),
    ]
)


def tell(explained: Mapping[str, object], pop: str) -> str:
    """Lines for a terminal."""
    lines = [f"{request(explained)} at {pop}{end(explained)}"]
    lines += [f"  {line}" for line in facts(explained)]
    lines += [f"  {line}".rstrip() for line in why(explained)]
    steps = explained.get("steps")
    if isinstance(steps, list) and steps:
        lines.append("")
        lines += tell_steps([step for step in steps if isinstance(step, dict)])
    return "\n".join(lines)


def why(explained: Mapping[str, object]) -> Iterator[str]:
    """The sentences behind the reason, and the way out."""
    found = reasons.find(str(explained.get("reason", "")))
    if found is None:
        return
    yield ""
    yield f"{explained['reason']}: {found['meaning']}"
    if found.get("todo"):
        yield f"to do: {found['todo']}"


def request(explained: Mapping[str, object]) -> str:
    """`GET http://host/path?query`."""
    if "url" in explained:
        return str(explained["url"])
    query = f"?{explained['query']}" if explained.get("query") else ""
    address = f"{explained.get('scheme', 'http')}://{explained.get('host', '')}{explained.get('path', '')}{query}"
    return harmless(f"{explained.get('method', '')} {address}".strip())


def end(explained: Mapping[str, object]) -> str:
    """`: 200 Miss (no-store), 12.5 ms`."""
    words = " ".join(str(explained[name]) for name in ("status", "result") if explained.get(name))
    why = f" ({explained['reason']})" if explained.get("reason") else ""
    took = f", {ms(explained['time_us'])}" if "time_us" in explained else ""
    return f": {words}{why}{took}" if words or why or took else ""


def facts(explained: Mapping[str, object]) -> Iterator[str]:
    """Where it went, how old it was, what else is known."""
    if explained.get("behavior"):
        site, snapshot = explained.get("distribution", "?"), explained.get("snapshot")
        yield f"behavior {explained['behavior']} of {site}, snapshot {snapshot}"
    if explained.get("origin"):
        took = f", {ms(explained['origin_us'])}" if explained.get("origin_us") else ""
        yield f"origin {explained['origin']}{took}"
    if isinstance(explained.get("age_s"), int) and isinstance(explained.get("ttl_s"), int):
        yield f"age {explained['age_s']} s, fresh for {explained['ttl_s']} s more"
    if str(explained.get("key", "")).strip("0"):  # all zero: no key was made
        yield f"key {explained['key']}"
    for name, value in explained.items():
        if name not in TOLD and value not in (None, "", [], {}):
            yield f"{label(name)} {plain(value)}"


def tell_steps(steps: list[dict[str, object]]) -> Iterator[str]:
    """One line a step, names in a column: when (after the request came), what was decided.

    What the engine learnt after the request's end has no time.
    """
    blank = " " * 11 if any("at_us" in step for step in steps) else ""
    width = max((len(str(step.get("step", ""))) for step in steps), default=0)
    for step in steps:
        rest = {key: value for key, value in step.items() if key not in ("step", "what", "at_us")}
        at = f"{ms(step['at_us']):>9}  " if "at_us" in step else blank
        more = "; ".join(
            f"{label(key)} {plain(value)}" for key, value in rest.items() if value not in (None, "")
        )
        what = "  ".join(part for part in (str(step.get("what", "")), more) if part)
        yield f"  {step.get('step', '')!s:<{width}}  {at}{what}".rstrip()


def tell_outputs(outputs: Sequence[Mapping[str, object]]) -> str:
    """What functions printed during the request, and their tracebacks: under whose and which stream's it was."""
    lines: list[str] = []
    for each in outputs:
        lines.append(f"  {each.get('function', '?')} {each.get('stream', '')}:")
        if each.get("stream") == "finding":
            lines.append(f"    {harmless(tell_text(each))}")
            continue
        lines += [f"    {harmless(line)}" for line in tell_text(each).splitlines()]
    return "\n".join(lines)


def ms(us: object) -> str:
    """Microseconds as milliseconds, two digits after the point."""
    return f"{float(str(us)) / 1000:.2f} ms"


def label(name: str) -> str:
    """A key for people: `tls_protocol` → `tls protocol`."""
    return name.replace("_", " ")


def plain(value: object) -> str:
    """A value on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{label(key)} {plain(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    return f"{value:g}" if isinstance(value, float) else harmless(str(value))
