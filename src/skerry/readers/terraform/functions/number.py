"""Functions over numbers."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from skerry.readers.terraform.value import Wrong, number, plain, sequence, text, whole


def absolute(value: object) -> object:
    """abs."""
    return abs(number(value))


def ceil(value: object) -> object:
    """The smallest whole number that is not less."""
    return int(Decimal(number(value)).to_integral_value(ROUND_CEILING))


def floor(value: object) -> object:
    """The greatest whole number that is not more."""
    return int(Decimal(number(value)).to_integral_value(ROUND_FLOOR))


def largest(*values: object) -> object:
    """max."""
    return max(number(value) for value in values)


def smallest(*values: object) -> object:
    """min."""
    return min(number(value) for value in values)


def power(base: object, exponent: object) -> object:
    """pow."""
    return plain(Decimal(number(base)) ** Decimal(number(exponent)))


def signum(value: object) -> object:
    """-1, 0 or 1."""
    found = number(value)
    return (found > 0) - (found < 0)


def parse_int(value: object, base: object) -> object:
    """parseint."""
    radix = whole(base)
    if not 2 <= radix <= 36:  # Terraform goes on to 62 with a case-sensitive alphabet
        raise Wrong("parseint() here knows bases from 2 to 36, not {0}", values=(radix,))
    try:
        return int(text(value), radix)
    except ValueError:
        raise Wrong("{0} is no number in base {1}", values=(text(value), radix)) from None


def total(values: object) -> object:
    """sum."""
    found = sequence(values)
    if not found:
        raise Wrong("sum() of an empty list")
    return plain(sum((Decimal(number(value)) for value in found), Decimal(0)))
