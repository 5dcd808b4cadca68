"""What SQLite and the system say when something is wrong, as errors that a person can act on.

What is our own mistake (a wrong statement, a broken constraint) passes through as it is.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from skerry.base.errors import BusyError, ConfigError, SkerryError, UpstreamError

# EFBIG: the limit of the process on a file's size
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def told(path: Path, connection: apsw.Connection | None = None) -> Iterator[None]:
    """SQLite's errors inside are raised as SkerryError about `path`. `connection` knows the system's number."""
    try:
        yield
    except apsw.Error as error:
        number = connection.system_errno if connection is not None else 0
        found = of_sqlite(error, path, number)
        if found is None:
            raise
        raise found from error


@contextmanager
def asked(path: Path) -> Iterator[None]:
    """The same for calls of the system about `path`. Nobody else's code may run inside: its errors are its own."""
    try:
        yield
    except OSError as error:
        raise of_system(error, path) from error


def of_sqlite(error: apsw.Error, path: Path, number: int = 0) -> SkerryError | None:
    """The error for people; None for what is a mistake of ours. `number`: the system's error, 0 if none."""
    if isinstance(error, apsw.FullError) or (isinstance(error, apsw.IOError) and number in _FULL):
        return full(path)
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return damaged(path, str(error))
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return BusyError(
            "storage.held",
            f"{path}: another program works with this file ({error})",
            hint="end it, or wait until it is done",
            about=str(path),
        )
    if isinstance(
        error, apsw.IOError | apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError
    ):
        return unusable(path, f"{error}; {errno.errorcode.get(number, 'no reason given')}")
    return None


def of_system(error: OSError, path: Path) -> SkerryError:
    """The same for a call of the system's."""
    if error.errno in _FULL:
        return full(path)
    return unusable(path, error.strerror or str(error))


def full(path: Path) -> BusyError:
    """Nothing was written, and all that was acknowledged before is there."""
    return BusyError(
        "storage.full",
        f"{path}: no room on the disk (or for this file) to write",
        hint="make room, or raise the limit on file sizes; what was acknowledged is stored",
        about=str(path),
    )


def damaged(path: Path, what: str) -> UpstreamError:
    """Something there is not what was written."""
    return UpstreamError(
        "storage.damaged",
        f"{path}: damaged: {what}",
        hint="move it aside together with its -wal file and begin anew: what others have comes back from them",
        about=str(path),
    )


def unusable(path: Path, why: str) -> ConfigError:
    """The system refuses to read or write there."""
    return ConfigError(
        "storage.unusable",
        f"{path}: cannot be read or written: {why}",
        hint="look at the folder's owner and mode, and at the disk",
        about=str(path),
    )
