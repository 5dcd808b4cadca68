from __future__ import annotations

from pathlib import Path

import pytest

from skerry.readers.terraform.functions import conversion
from skerry.readers.terraform.value import Wrong


def test_null_stays_null() -> None:
    assert [conversion.to_string(None), conversion.to_number(None), conversion.to_bool(None)] == [
        None
    ] * 3


def test_home_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert conversion.expanded("~/x") == f"{tmp_path}/x"


def test_a_list_is_no_path() -> None:
    with pytest.raises(Wrong):
        conversion.base([])
