"""Large values as files named by their content: the name says what the bytes have to be.

    FOLDER/ab/cdef…    64 hexadecimal digits of SHA-256, the first two as a folder
    FOLDER/new/…       what is being written; emptied at the start

`put` returns once a crash cannot take the blob away any more, also where it was there before: whoever wrote it
may have been cut off between the rename and the folder's fsync.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from skerry.base.errors import BusyError, CallerError
from skerry.storage import fault
from skerry.storage.files import DiskFiles, Files

_NAME = re.compile(r"[0-9a-f]{64}")


class _SourceError(Exception):
    """Whoever brings the bytes failed, and not the disk."""


@contextmanager
def _sourced() -> Iterator[None]:
    try:
        yield
    except _SourceError as error:
        raise error.__cause__ or error from None


class Blobs:
    """One folder of them, which nobody else writes to: whoever makes it holds the database beside it."""

    def __init__(self, folder: Path, files: Files | None = None) -> None:
        self._folder, self._files = folder, files or DiskFiles()
        self._new = folder / "new"
        self._count = itertools.count()
        with fault.asked(folder):
            self._files.make_folder(self._new)
            self._files.sync_folder(folder)
            self._files.sync_folder(folder.parent)
            for left in sorted(self._new.iterdir()):
                self._files.remove(left)

    def put(self, chunks: Iterable[bytes]) -> str:
        """Store the bytes; their name, once they are durable. Raises BusyError where the disk is full."""
        part = self._new / str(next(self._count))
        hashed = hashlib.sha256()

        def seen() -> Iterator[bytes]:
            try:
                for chunk in chunks:
                    hashed.update(chunk)
                    yield chunk
            except OSError as error:
                raise _SourceError from error

        with _sourced(), fault.asked(self._folder):
            try:
                self._files.write(part, seen())
                name = hashed.hexdigest()
                path = self._path(name)
                if self._is_whole(name, path):
                    self._files.sync(path)
                else:
                    self._files.sync(part)
                    self._files.make_folder(path.parent)
                    self._files.sync_folder(self._folder)
                    self._files.rename(part, path)
                self._files.sync_folder(path.parent)
            finally:
                self._files.remove(part)
        return name

    def has(self, name: str) -> bool:
        """Whether it is here. What is here is whole, unless the disk has changed it: `get` sees that."""
        return self._path(name).is_file()

    def get(self, name: str) -> bytes:
        """The bytes, verified. Raises BusyError for one that is not here, UpstreamError for a damaged one."""
        path = self._path(name)
        with fault.asked(path):
            found = self._files.read(path)
        if found is None:
            raise BusyError(
                "storage.no_blob",
                f"the blob {name} is not here",
                hint="it is served once it has been fetched",
                about=name,
            )
        if hashlib.sha256(found).hexdigest() != name:
            raise fault.damaged(path, "its bytes are not those that its name says")
        return found

    def remove(self, name: str) -> None:
        """Forget it. A crash may bring it back."""
        path = self._path(name)
        with fault.asked(path):
            self._files.remove(path)

    def _is_whole(self, name: str, path: Path) -> bool:
        found = self._files.read(path)
        return found is not None and hashlib.sha256(found).hexdigest() == name

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise CallerError(
                "storage.bad_name",
                f"{name!r} is no blob's name",
                hint="a blob's name is 64 hexadecimal digits, the SHA-256 of its bytes",
            )
        return self._folder / name[:2] / name[2:]
