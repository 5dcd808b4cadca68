"""What the tour writes. Colour for a terminal alone, and never the only carrier of meaning."""

import errno
import os
import shutil
import sys
import textwrap

CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
GONE = {errno.EPIPE, errno.EIO}  # a pipe without a reader, a terminal that was closed


def coloured():
    """Whether colours are wanted (no-color.org)."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def paint(text, colour):
    """`text` in a colour where there are colours."""
    return f"\033[{CODES[colour]}m{text}\033[0m" if coloured() else text


def say(text=""):
    """A line. Where nobody reads any more (`make demo | head`, a terminal that was closed), the tour ends as by
    Ctrl-C."""
    try:
        print(text, flush=True)
    except OSError as error:
        if error.errno not in GONE:
            raise
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 for the rest of the process
        raise KeyboardInterrupt from None


def title(number, text):
    """Where a step begins."""
    say(f"\n{paint(f'{number:>2}  {text}', 'bold')}")


def good(text):
    """A line of which every word has been checked."""
    first, *more = folded(text, 6)
    say(f"    {paint('✓', 'green')} {first}")
    for line in more:
        say(f"      {line}")


def bad(text):
    """What did not hold."""
    say(f"    {paint('✗', 'red')} {text}")


def quote(lines):
    """Output of a command, set apart."""
    for text in lines:
        for line in folded(text, 6):
            say(paint(f"      {line}".rstrip(), "dim"))


def folded(text, indent):
    """A line as the terminal's width has room for it, broken between words; whole where there is no terminal."""
    if not sys.stdout.isatty():
        return [text]
    width = max(40, shutil.get_terminal_size().columns - indent)
    deeper = " " * (len(text) - len(text.lstrip()) + 2)
    return textwrap.wrap(
        text, width, subsequent_indent=deeper, break_long_words=False, break_on_hyphens=False
    ) or [""]


def typed(command):
    """A command that anybody could type."""
    say(f"    {paint('$ ' + command, 'cyan')}")
