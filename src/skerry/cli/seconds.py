"""A duration on the command line: seconds, not below nought, and a number at that."""

from __future__ import annotations

import math

import click

DAY_S = 86400.0


class Seconds(click.FloatRange):
    """As click's range, without `nan`, which is neither below nor above anything."""

    name = "seconds"

    def __init__(self) -> None:
        super().__init__(min=0.0, max=DAY_S)

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number. click tells what is wrong with any other word."""
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return found
