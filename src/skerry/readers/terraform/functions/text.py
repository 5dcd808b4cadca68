"""Functions over strings."""

from __future__ import annotations

import re
from decimal import Decimal

from skerry.readers.terraform.functions.encoding import encode_json
from skerry.readers.terraform.value import (
    Names,
    Wrong,
    boolean,
    kind,
    number,
    ordered,
    sequence,
    show,
    text,
    whole,
)

VERB = re.compile(r"%(?:\[(\d+)\])?([-+ 0#]*)(\*|\d+)?(?:\.(\d+))?(.)", re.DOTALL)


def lower(value: object) -> object:
    """lower."""
    return text(value).lower()


def upper(value: object) -> object:
    """upper."""
    return text(value).upper()


def title(value: object) -> object:
    """The first letter of each word in upper case, the rest as it is."""
    return re.sub(r"(?<![^\W_])[^\W\d_]", lambda match: match.group().upper(), text(value))


def join(separator: object, *lists: object) -> object:
    """join."""
    return text(separator).join(text(item) for items in lists for item in sequence(items))


def split(separator: object, value: object) -> object:
    """split; an empty separator takes characters apart."""
    found, by = text(value), text(separator)
    return list[object](found.split(by) if by else found)


def compiled(pattern: object) -> re.Pattern[str]:
    """A pattern in RE2's syntax; what it has in common with Python's is all but everything."""
    try:
        return re.compile(text(pattern).replace(r"\z", r"\Z"))
    except re.error as error:
        raise Wrong("this pattern cannot be read: {0}", values=(error,)) from None


def replace(value: object, wanted: object, by: object) -> object:
    """replace; `/…/` is a pattern, `$1` and `${name}` in the replacement its groups."""
    found, pattern, replacement = text(value), text(wanted), text(by)
    if len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        expand = re.sub(r"\$(?:\{(\w+)\}|(\w+))", r"\\g<\1\2>", replacement.replace("\\", r"\\"))
        try:
            return compiled(pattern[1:-1]).sub(expand, found)
        except (re.error, IndexError) as error:
            raise Wrong("this replacement cannot be used: {0}", values=(error,)) from None
    return found.replace(pattern, replacement)


def groups(match: re.Match[str]) -> object:
    """What regex() answers: the match, a list of groups, or an object of named groups."""
    if match.groupdict():
        return ordered(match.groupdict().items())
    return list[object](match.groups()) if match.groups() else match.group()


def regex(pattern: object, value: object) -> object:
    """regex."""
    match = compiled(pattern).search(text(value))
    if match is None:
        raise Wrong(
            "the pattern does not match the string", "try(regex(…), null) answers null instead"
        )
    return groups(match)


def regex_all(pattern: object, value: object) -> object:
    """regexall."""
    return [groups(match) for match in compiled(pattern).finditer(text(value))]


def trim(value: object, characters: object) -> object:
    """trim: any of the characters, at both ends."""
    return text(value).strip(text(characters)) if characters != "" else text(value)


def trim_prefix(value: object, prefix: object) -> object:
    """trimprefix."""
    return text(value).removeprefix(text(prefix))


def trim_suffix(value: object, suffix: object) -> object:
    """trimsuffix."""
    return text(value).removesuffix(text(suffix))


def trim_space(value: object) -> object:
    """trimspace."""
    return text(value).strip()


def chomp(value: object) -> object:
    """chomp: line ends at the end."""
    return text(value).rstrip("\r\n")


def indent(spaces: object, value: object) -> object:
    """indent: every line but the first."""
    return text(value).replace("\n", "\n" + " " * whole(spaces))


def starts_with(value: object, prefix: object) -> object:
    """startswith."""
    return text(value).startswith(text(prefix))


def ends_with(value: object, suffix: object) -> object:
    """endswith."""
    return text(value).endswith(text(suffix))


def contains(value: object, part: object) -> object:
    """strcontains."""
    return text(part) in text(value)


def backwards(value: object) -> object:
    """strrev."""
    return text(value)[::-1]


def substr(value: object, offset: object, length: object) -> object:
    """substr; a negative offset counts from the end, length -1 is all that is left."""
    found, start, size = text(value), whole(offset), whole(length)
    if start < 0:
        start = max(len(found) + start, 0)
    return found[start:] if size < 0 else found[start : start + size]


def format_text(pattern: object, *values: object) -> object:
    """format: Go's verbs s q v d b o x X f e g t, with flags, width, precision and `[n]`."""
    position = 0
    used = 0

    def verb(match: re.Match[str]) -> str:
        nonlocal position, used
        index, flags, width, precision, letter = match.groups()
        if letter == "%":
            return "%"
        if index:
            position = int(index) - 1
        if width == "*":
            raise Wrong("a width of `*` is not read here")
        if position >= len(values):
            raise Wrong("format() has no value for {0}", values=(Names([f"`{match.group()}`"]),))
        found = piece(values[position], letter, flags, precision)
        position += 1
        used = max(used, position)
        if width and len(found) < int(width):
            if "-" in flags:
                return found.ljust(int(width))
            if "0" in flags and letter not in "sqv":
                sign = found[0] if found[:1] in ("+", "-") else ""
                return sign + found[len(sign) :].rjust(int(width) - len(sign), "0")
            return found.rjust(int(width))
        return found

    found = VERB.sub(verb, text(pattern))
    if used < len(values):
        raise Wrong(f"format() has {len(values)} values and uses {used} of them")
    return found


def piece(value: object, letter: str, flags: str, precision: str | None) -> str:
    """One value as one verb of format()."""
    if value is None and letter == "v":
        return "null"
    if letter == "v":
        if isinstance(value, str) and "#" not in flags:
            return value
        return encode_json(value) if isinstance(value, list | dict | str) else text(value)
    if letter in "sq":
        found = text(value)
        found = found[: int(precision)] if precision else found
        return encode_json(found) if letter == "q" else found
    if letter == "t":
        return text(boolean(value))
    if letter not in "dboxXfeEgG":
        raise Wrong("format() has no verb {0}", values=(Names([f"`%{letter}`"]),))
    amount = number(value)
    plus = "+" if "+" in flags and amount >= 0 else ""
    if letter in "dboxX":
        return plus + format(whole(amount), letter)
    if letter in "gG" and precision is None:
        return plus + show(amount)
    return plus + format(Decimal(amount), f".{precision or 6}{letter}")


def format_list(pattern: object, *values: object) -> object:
    """formatlist: lists go in step, single values repeat."""
    lengths = {len(value) for value in values if isinstance(value, list)}
    if len(lengths) > 1:
        raise Wrong("formatlist() needs lists of one length")
    for value in values:
        if isinstance(value, dict):
            raise Wrong(f"formatlist() takes lists and single values, not a {kind(value)}")
    rows = range(lengths.pop() if lengths else 1)
    return [
        format_text(
            pattern, *(value[row] if isinstance(value, list) else value for value in values)
        )
        for row in rows
    ]
