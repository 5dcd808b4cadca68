"""The walk as a picture, from the table of steps.

What every request meets is the trunk; what only a hit, a miss or an error meets branches off between two
pieces of it and comes back.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

WIDTH = 900
TOP = 20
ROW = 38
BOX_HEIGHT = 24
BOX_WIDTH = 136
NEXT_BOX = 148
LANES = {"every request": 24, "a hit": 200, "a miss": 296, "an error": 24}
KINDS = {"every request": "trunk", "a hit": "hit", "a miss": "miss", "an error": "error"}
STYLE = """
text { font: 600 13px ui-monospace, monospace; fill: #1c2733; text-anchor: middle }
.lane { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #5b6b7b; text-anchor: start }
rect { stroke: #7d97ab; fill: #eef4f8 }
.hit rect { fill: #e9f5ec; stroke: #74a883 }
.miss rect { fill: #fdf3e3; stroke: #c79b4e }
.error rect { fill: #fbeaea; stroke: #c07575 }
path { fill: none; stroke: #7d97ab; stroke-width: 1.5 }
.error path { stroke-dasharray: 4 3 }
"""


@dataclass(frozen=True)
class Box:
    """A step and where it stands."""

    name: str
    does: str
    on: str
    x: int
    y: int

    @property
    def top(self) -> tuple[int, int]:
        """Where arrows arrive."""
        return self.x + BOX_WIDTH // 2, self.y

    @property
    def bottom(self) -> tuple[int, int]:
        """Where arrows leave."""
        return self.x + BOX_WIDTH // 2, self.y + BOX_HEIGHT


# Any: a row of rules/steps.toml, whose keys are read here
def place(steps: Mapping[str, Mapping[str, Any]]) -> list[list[Box]]:
    """Boxes in pieces: neighbours that the same requests meet. One instead of another stands beside it."""
    pieces: list[list[Box]] = []
    y = TOP - ROW
    for on, group in itertools.groupby(steps.items(), key=lambda item: str(item[1]["on"])):
        piece: list[Box] = []
        for name, step in group:
            beside = "instead_of" in step
            x = piece[-1].x + NEXT_BOX if beside else LANES[on]
            y += 0 if beside else ROW
            piece.append(Box(name, step["does"], on, x, y))
        pieces.append(piece)
    return pieces


def arrows(pieces: list[list[Box]]) -> Iterator[tuple[str, Box, Box]]:
    """(kind, from, to): down each piece, out of the trunk into a branch, and back."""
    trunk: Box | None = None
    open_ends: list[Box] = []
    for piece in pieces:
        kind = KINDS[piece[0].on]
        if trunk is not None and (kind != "trunk" or not open_ends):
            yield kind, trunk, piece[0]
        for before, after in itertools.pairwise(piece):
            if after.y > before.y:
                yield kind, before, after
            else:  # one step instead of another: both come from the last row above
                yield kind, [box for box in piece if box.y < after.y][-1], after
        last_row = [box for box in piece if box.y == piece[-1].y]
        if kind == "trunk":
            for box in open_ends:
                yield KINDS[box.on], box, piece[0]
            trunk, open_ends = piece[-1], []
        else:
            open_ends += last_row


def walk(steps: Mapping[str, Mapping[str, Any]]) -> str:
    """docs/walk.svg."""
    pieces = place(steps)
    height = pieces[-1][-1].y + BOX_HEIGHT + 20
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="The steps of a request, in order">\n<style>{STYLE}</style>\n'
        f'<rect width="{WIDTH}" height="{height}" style="fill:#fff;stroke:none"/>\n'
    ]
    parts += [line(kind, start.bottom, end.top) for kind, start, end in arrows(pieces)]
    told: set[str] = set()
    for box in itertools.chain.from_iterable(pieces):
        if box.on not in told:
            told.add(box.on)
            x, y = box.x + BOX_WIDTH + 8, box.y + 16
            parts.append(f'<text class="lane" x="{x}" y="{y}">{box.on}</text>\n')
        parts.append(drawn(box))
    return "".join(parts) + "</svg>\n"


def drawn(box: Box) -> str:
    """A step; what it does is its tooltip."""
    return (
        f'<g class="{KINDS[box.on]}"><title>{html.escape(box.does)}</title>'
        f'<rect x="{box.x}" y="{box.y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="5"/>'
        f'<text class="step" x="{box.x + BOX_WIDTH // 2}" y="{box.y + 16}">{box.name}</text></g>\n'
    )


def line(kind: str, start: tuple[int, int], end: tuple[int, int]) -> str:
    """Down, and with two corners where the column changes, both of them right above the end."""
    turn = end[1] - (ROW - BOX_HEIGHT) // 2
    path = f"M{start[0]} {start[1]} V{turn} H{end[0]} V{end[1]}"
    return f'<g class="{kind}"><path d="{path}"/></g>\n'
