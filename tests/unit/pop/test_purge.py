"""Words of the command line to a purge."""

from __future__ import annotations

import pytest

from skerry.base.errors import CallerError
from skerry.pop.purge import PATHS_MAX, Purge, parse


@pytest.mark.parametrize(
    ("words", "purge"),
    [
        (["/a"], Purge(paths=("/a",))),
        (["a/b*"], Purge(paths=("/a/b*",))),
        (["/a", "/a", "/b?x=1"], Purge(paths=("/a", "/b?x=1"))),
        (["/*"], Purge(all=True)),
        (
            ["http://WWW.example.com:8080/a?b=1"],
            Purge(paths=("/a?b=1",), hosts=("www.example.com",)),
        ),
        (["https://www.example.com"], Purge(paths=("/",), hosts=("www.example.com",))),
        (["https://h/*"], Purge(paths=("/*",), hosts=("h",))),
    ],
)
def test_words(words: list[str], purge: Purge) -> None:
    assert parse(words) == purge


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], "purge.nothing"),
        (["/a*b"], "purge.wildcard"),
        (["/a", "http://h/b"], "purge.mixed"),
        (["/a"] * (PATHS_MAX + 1), "purge.too_many"),
    ],
)
def test_refusals(words: list[str], code: str) -> None:
    with pytest.raises(CallerError) as caught:
        parse(words)
    assert caught.value.code == code
    assert caught.value.hint


def test_tags_alone_are_enough() -> None:
    assert parse([], tags=["t", "t"], soft=True) == Purge(tags=("t",), soft=True)
