from __future__ import annotations

import pytest

from skerry.readers.terraform.functions import text
from skerry.readers.terraform.value import Wrong


@pytest.mark.parametrize(
    ("pattern", "values", "message"),
    [
        ("%y", ["a"], "no verb"),
        ("%s %s", ["a"], "no value"),
        ("%*d", [1, 2], "width"),
        ("x", ["a"], "uses 0 of them"),
        ("%d", ["a"], "number"),
    ],
)
def test_format_refuses(pattern: str, values: list[object], message: str) -> None:
    with pytest.raises(Wrong, match=message):
        text.format_text(pattern, *values)


def test_patterns_that_cannot_be_read() -> None:
    with pytest.raises(Wrong, match="cannot be read"):
        text.regex("(", "a")
    with pytest.raises(Wrong, match="replacement"):
        text.replace("a", "/a/", "$7")


def test_lists_go_in_step() -> None:
    with pytest.raises(Wrong, match="one length"):
        text.format_list("%s%s", ["a"], ["b", "c"])
    with pytest.raises(Wrong, match="single values"):
        text.format_list("%s", {"a": 1})
