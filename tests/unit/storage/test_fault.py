"""What SQLite and the system say, by code."""

from __future__ import annotations

import errno
from pathlib import Path

import apsw
import pytest

from skerry.base.errors import SkerryError
from skerry.storage import fault

PATH = Path("edge.db")
CODES = [
    (apsw.FullError("full"), 0, "storage.full"),
    (apsw.IOError("write"), errno.EFBIG, "storage.full"),
    (apsw.IOError("write"), errno.EDQUOT, "storage.full"),
    (apsw.IOError("write"), errno.EIO, "storage.unusable"),
    (apsw.CorruptError("page"), 0, "storage.damaged"),
    (apsw.NotADBError("header"), 0, "storage.damaged"),
    (apsw.BusyError("busy"), 0, "storage.held"),
    (apsw.CantOpenError("open"), errno.EACCES, "storage.unusable"),
    (apsw.ReadOnlyError("ro"), 0, "storage.unusable"),
]


@pytest.mark.parametrize(("error", "number", "code"), CODES)
def test_errors_of_sqlite(error: apsw.Error, number: int, code: str) -> None:
    found = fault.of_sqlite(error, PATH, number)
    assert found is not None
    assert found.code == code
    assert "edge.db" in found.message
    assert found.hint


def test_our_own_mistakes_stay_what_they_are() -> None:
    with pytest.raises(apsw.SQLError), fault.told(PATH):
        raise apsw.SQLError("no such table")


def test_errors_of_others_stay_theirs() -> None:
    with pytest.raises(ConnectionResetError), fault.told(PATH):
        raise ConnectionResetError


@pytest.mark.parametrize(
    ("number", "code"), [(errno.ENOSPC, "storage.full"), (errno.EACCES, "storage.unusable")]
)
def test_errors_of_the_system(number: int, code: str) -> None:
    with pytest.raises(SkerryError) as told, fault.asked(PATH):
        raise OSError(number, "said the system")
    assert told.value.code == code
