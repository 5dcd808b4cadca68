from __future__ import annotations

import pytest

from skerry.functions.guest.trace import TEXT_BYTES_MAX, describe, format_trace, rename


class Rude(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("bad"), ("ValueError", "bad")),
        (KeyError("k"), ("KeyError", "'k'")),
        (Rude(), ("Rude", "(its message raised RuntimeError)")),
    ],
)
def test_describe(error: Exception, expected: tuple[str, str]) -> None:
    assert describe(error) == expected


def test_frozen_folders_are_named_as_the_users() -> None:
    assert rename('File "/f/x-1/a.py"', "/f/x-1", "/u/a") == 'File "/u/a/a.py"'
    assert rename("/f/x-10/a.py", "/f/x-1", "/u/a") == "/f/x-10/a.py"
    assert rename("same", "", "/u/a") == "same"


def test_huge_messages_are_cut_in_the_middle() -> None:
    _, message = describe(ValueError("a" * 100_000 + "end"))
    assert len(message) < TEXT_BYTES_MAX + 100
    assert message.endswith("end")
    assert "bytes left out" in message


def test_causes_are_shown() -> None:
    try:
        try:
            raise KeyError("first")
        except KeyError as inner:
            raise ValueError("second") from inner
    except ValueError as error:
        text = format_trace(error, "", "")
    assert "KeyError: 'first'" in text
    assert text.rstrip().endswith("ValueError: second")
    assert __file__ in text


def test_a_trace_that_cannot_be_made_says_so() -> None:
    # even where the exception's own text raises, the error frame must go out
    assert "Rude" in format_trace(Rude(), "", "")
