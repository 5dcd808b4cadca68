"""An explanation, told to a person: the steps in their order, what each decided and why. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

STEP_KEYS = ("step", "name")
LONG = 60


def tell(explained: Mapping[str, object], pop: str) -> str:
    """Lines: the facts first, then one line a step (`step  outcome  why`)."""
    lines = [f"at {pop}"]
    lines += [
        f"  {label(name)}: {plain(value)}" for name, value in explained.items() if name != "steps"
    ]
    steps = explained.get("steps")
    if isinstance(steps, list) and steps:
        lines.append("")
        lines += tell_steps([step for step in steps if isinstance(step, dict)])
    return "\n".join(lines)


def tell_steps(steps: list[dict[str, object]]) -> Iterator[str]:
    """One line a step, names in a column."""
    names = [str(next((step[key] for key in STEP_KEYS if key in step), "")) for step in steps]
    width = max(map(len, names), default=0)
    for name, step in zip(names, steps, strict=True):
        rest = {key: value for key, value in step.items() if key not in STEP_KEYS}
        outcome = plain(rest.pop("outcome", ""))
        why = "; ".join(
            f"{label(key)} {plain(value)}"
            for key, value in rest.items()
            if value not in (None, "", [])
        )
        yield f"  {name:<{width}}  {outcome}{'  ' if outcome and why else ''}{why}".rstrip()


def label(name: str) -> str:
    """A key for people: `origin_rtt_ms` → `origin rtt ms`."""
    return name.replace("_", " ")


def plain(value: object) -> str:
    """A value on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{label(key)} {plain(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
