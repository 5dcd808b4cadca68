from __future__ import annotations

import pytest

from skerry.readers.terraform.functions import number
from skerry.readers.terraform.value import Wrong


def test_signs() -> None:
    assert [number.signum(-2), number.signum(0), number.signum("7")] == [-1, 0, 1]


def test_bases_beyond_letters_are_refused_by_name() -> None:
    with pytest.raises(Wrong, match="bases from 2 to 36") as caught:
        number.parse_int("Zz", 62)
    assert caught.value.told(None)[0].endswith("not 62")


def test_the_sum_of_nothing() -> None:
    with pytest.raises(Wrong):
        number.total([])
