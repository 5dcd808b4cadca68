"""Shell blocks of Markdown pages, run as they stand and compared with what the pages show.

    ```sh
    skerry --version
    ```
    ```output
    skerry …
    ```

What stands in a `sh` block can be pasted as it is: no prompts in it. An `output` block is what the block before it
prints; without one nothing is compared. In it `…` stands for any text, and alone on a line for any number of lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# what a newcomer types first; it has tests of its own, which take minutes
SACRED = {"make demo", "make test"}


@dataclass
class Step:
    """One block, and the lines it shows; None: the page does not say what it prints."""

    command: str
    output: list[str] | None = None


def steps(page: str) -> list[Step]:
    """Every shell block of a page, in order. AssertionError for output that belongs to no block."""
    found: list[Step] = []
    before = ""
    for kind, text in FENCE.findall(page):
        if kind == "sh":
            found.append(Step(text.removesuffix("\n")))
        elif kind == "output":
            assert before == "sh", f"output of what?\n{text}"
            found[-1].output = text.splitlines()
        before = kind
    return [step for step in found if step.command not in SACRED]


def pattern(output: list[str]) -> re.Pattern[str]:
    """What the output has to look like."""
    parts = []
    for line in output:
        if line.strip() == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append(r"[^\n]*?".join(map(re.escape, line.rstrip().split("…"))) + r"[ \t]*\n")
    return re.compile("".join(parts))


def difference(step: Step, shown: str) -> str:
    """Empty where a block showed what the page says; both texts where not."""
    text = re.sub(r"\r", "", shown)
    if text and not text.endswith("\n"):
        text += "\n"
    if step.output is None or pattern(step.output).fullmatch(text):
        return ""
    wanted = "\n".join(step.output)
    return f"{step.command}\n--- the page shows\n{wanted}\n--- it printed\n{text}"
