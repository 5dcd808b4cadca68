"""The calls by which blobs touch the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.storage.files import DiskFiles


def test_a_file_is_written_synced_and_renamed(tmp_path: Path) -> None:
    files = DiskFiles()
    files.make_folder(tmp_path / "a" / "b")
    files.make_folder(tmp_path / "a" / "b")
    one, two = tmp_path / "a" / "one", tmp_path / "a" / "two"
    files.write(one, iter([b"x", b"y"]))
    files.sync(one)
    assert one.stat().st_mode & 0o777 == 0o600
    files.rename(one, two)
    files.sync_folder(tmp_path / "a")
    assert files.read(one) is None
    assert files.read(two) == b"xy"
    files.remove(two)
    files.remove(two)
    assert files.read(two) is None


def test_what_cannot_be_synced_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        DiskFiles().sync(tmp_path / "nothing")
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(NotADirectoryError):
        DiskFiles().sync_folder(file)
