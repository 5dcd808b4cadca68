"""The walk as a picture, from the table of steps."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

WIDTH = 920
ROW = 34
TOP = 64
LANES = {"every request": 40, "a miss": 300, "an error": 560}
BOX = 190
STYLE = """
text { font: 14px ui-sans-serif, system-ui, sans-serif; fill: #1c2733 }
.step { font: 600 14px ui-monospace, monospace }
.lane { font-size: 12px; fill: #5b6b7b }
.does { font-size: 12px; fill: #46525e }
rect { fill: #eef4f8; stroke: #7d97ab; rx: 6 }
.miss { fill: #fdf3e3; stroke: #c79b4e }
.error { fill: #fbeaea; stroke: #c07575 }
path { fill: none; stroke: #7d97ab; stroke-width: 1.5 }
"""
KINDS = {"every request": "", "a miss": "miss", "an error": "error"}


# Any: a row of rules/steps.toml, whose two keys are read here
def walk(steps: Mapping[str, Mapping[str, Any]]) -> str:
    """docs/walk.svg: a box a step, in order; the lane says for whom it is."""
    height = TOP + ROW * len(steps) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="The steps of a request, in order">\n<style>{STYLE}</style>\n'
        f'<rect width="{WIDTH}" height="{height}" style="fill:#fff;stroke:none"/>\n'
    ]
    for lane, x in LANES.items():
        parts.append(f'<text class="lane" x="{x}" y="40">{lane}</text>\n')
    before: tuple[int, int] | None = None
    for number, (name, step) in enumerate(steps.items()):
        x, y = LANES[step["on"]], TOP + ROW * number
        if before is not None:
            parts.append(arrow(before, (x, y)))
        parts.append(box(name, step, x, y))
        before = (x, y)
    return "".join(parts) + "</svg>\n"


def box(name: str, step: Mapping[str, Any], x: int, y: int) -> str:
    """A step, and its deed as the picture's tooltip."""
    kind = KINDS[step["on"]]
    return (
        f"<g><title>{html.escape(step['does'])}</title>"
        f'<rect class="{kind}" x="{x}" y="{y}" width="{BOX}" height="{ROW - 10}"/>'
        f'<text class="step" x="{x + 12}" y="{y + 17}">{name}</text></g>\n'
    )


def arrow(start: tuple[int, int], end: tuple[int, int]) -> str:
    """From one box to the next, with a corner where the lane changes."""
    x, y = start[0] + BOX // 2, start[1] + ROW - 10
    to_x, to_y = end[0] + BOX // 2, end[1]
    middle = (y + to_y) // 2
    return f'<path d="M{x} {y} V{middle} H{to_x} V{to_y}"/>\n'
