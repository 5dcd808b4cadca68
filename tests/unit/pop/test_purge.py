"""Words of the command line to a purge."""

from __future__ import annotations

import pytest

from skerry.base.errors import CallerError
from skerry.pop.purge import PATHS_MAX, Purge, parse


@pytest.mark.parametrize(
    ("words", "purge"),
    [
        (["/a"], Purge(paths=("/a",))),
        (["/a b"], Purge(paths=("/a%20b",))),
        (["/gr\u00fc\u00dfe/*"], Purge(paths=("/gr%C3%BC%C3%9Fe/*",))),
        (["/a%20b"], Purge(paths=("/a%20b",))),
        (["/\udcff"], Purge(paths=("/%FF",))),
        (["http://h/a b?c=\u00fc"], Purge(paths=("/a%20b?c=%C3%BC",), hosts=("h",))),
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
        (["/a", "about"], "purge.relative"),
        (["*"], "purge.relative"),
        ([""], "purge.relative"),
        (["/a\tb"], "purge.control_character"),
        (["http://h/a\nb"], "purge.control_character"),
        (["/a\x7f"], "purge.control_character"),
        (["/a"] * (PATHS_MAX + 1), "purge.too_many"),
    ],
)
def test_refusals(words: list[str], code: str) -> None:
    with pytest.raises(CallerError) as caught:
        parse(words)
    assert caught.value.code == code
    assert caught.value.hint


def test_a_missing_slash_has_two_ways_out() -> None:
    with pytest.raises(CallerError) as caught:
        parse(["about"])
    assert caught.value.hint == "write '/about'"
    with pytest.raises(CallerError) as caught:
        parse(["about"], is_folder=lambda word: word == "about")
    assert caught.value.hint == "write '/about'; for the project in that folder, `--at about`"


@pytest.mark.parametrize(
    ("character", "name"), [("\t", "a tab (U+0009)"), ("\x01", "a control character (U+0001)")]
)
def test_a_control_character_is_named(character: str, name: str) -> None:
    with pytest.raises(CallerError, match="has a ") as caught:
        parse([f"/a{character}"])
    assert name in caught.value.message
    assert character not in caught.value.message + caught.value.about


def test_tags_alone_are_enough() -> None:
    assert parse([], tags=["t", "t"], soft=True) == Purge(tags=("t",), soft=True)
