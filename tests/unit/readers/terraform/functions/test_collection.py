"""What test_against_terraform does not reach: bounds, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from skerry.readers.terraform.functions import collection
from skerry.readers.terraform.value import Wrong


@pytest.mark.parametrize(
    "call",
    [
        lambda: collection.numbers(2000),
        lambda: collection.numbers(0, 5, 0),
        lambda: collection.numbers(0, 5, -1),
        lambda: collection.element([], 0),
        lambda: collection.one([1, 2]),
        lambda: collection.zipmap(["a"], []),
        lambda: collection.chunks([1], -1),
        lambda: collection.length(None),
        lambda: collection.part(collection.to_set(["a"]), 0, 1),
        lambda: collection.coalesce_list([], []),
        lambda: collection.match_keys([1], [], []),
    ],
)
def test_refused(call: Callable[[], object]) -> None:
    with pytest.raises(Wrong):
        call()


def test_chunks_of_zero_are_one_chunk() -> None:
    assert collection.chunks(["a", "b"], 0) == [["a", "b"]]


def test_null_stays_null() -> None:
    assert collection.to_set(None) is None
    assert collection.to_list(None) is None
    assert collection.to_map(None) is None
