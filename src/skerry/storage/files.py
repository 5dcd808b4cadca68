"""The few calls by which blobs touch the disk. Tests record them, and replay what a crash would have left."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """All raise OSError."""

    def make_folder(self, path: Path) -> None:
        """With those above it; one that is there already is fine."""

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        """A new file that nobody else may read, or an old one anew. It may be lost until `sync`."""

    def sync(self, path: Path) -> None:
        """Its content is on the disk."""

    def rename(self, old: Path, new: Path) -> None:
        """In one step; it may be undone by a crash until `sync_folder`."""

    def sync_folder(self, path: Path) -> None:
        """The names in it are on the disk."""

    def remove(self, path: Path) -> None:
        """One that is not there is fine."""

    def read(self, path: Path) -> bytes | None:
        """None if it is not there."""


class DiskFiles:
    """The machine's."""

    def make_folder(self, path: Path) -> None:
        """See Files."""
        path.mkdir(parents=True, exist_ok=True)

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        """See Files."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            for chunk in chunks:
                file.write(chunk)

    def sync(self, path: Path) -> None:
        """See Files."""
        _sync(path, os.O_RDONLY)

    def rename(self, old: Path, new: Path) -> None:
        """See Files."""
        old.replace(new)

    def sync_folder(self, path: Path) -> None:
        """See Files."""
        _sync(path, os.O_RDONLY | os.O_DIRECTORY)

    def remove(self, path: Path) -> None:
        """See Files."""
        path.unlink(missing_ok=True)

    def read(self, path: Path) -> bytes | None:
        """See Files."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
