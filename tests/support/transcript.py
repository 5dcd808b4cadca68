"""Console blocks of Markdown pages, run as they stand and compared with what they show.

    ```console
    $ skerry --version
    skerry …
    ```

A line that starts with `$ ` is typed; a trailing backslash continues it, and so do lines that start with
`> `, as in a shell. The lines up to the next command are its output. In them `…` stands for any text, and
alone on a line for any number of lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

BLOCK = re.compile(r"^```console[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# what a newcomer types first; it has tests of its own, which take minutes
SACRED = {"make demo", "make test"}


@dataclass
class Step:
    """One command, and the lines it shows."""

    command: str
    output: list[str] = field(default_factory=list)


def steps(page: str) -> list[Step]:
    """Every command of every block of a page, in order."""
    found: list[Step] = []
    for block in BLOCK.findall(page):
        typing = False
        for line in block.splitlines():
            if typing and (line.startswith("> ") or line == ">"):
                found[-1].command += "\n" + line[2:]
            elif typing and found[-1].command.endswith("\\"):
                found[-1].command += "\n" + line
            elif line.startswith("$ "):
                found.append(Step(line[2:]))
            else:
                found[-1].output.append(line)
            typing = line.startswith("$ ") or (typing and not found[-1].output)
    return [step for step in found if step.command.split("#")[0].strip() not in SACRED]


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
    """Empty where a command showed what the page says; both texts where not."""
    text = re.sub(r"\r", "", shown)
    if text and not text.endswith("\n"):
        text += "\n"
    if pattern(step.output).fullmatch(text):
        return ""
    wanted = "\n".join(step.output)
    return f"$ {step.command}\n--- the page shows\n{wanted}\n--- it printed\n{text}"
