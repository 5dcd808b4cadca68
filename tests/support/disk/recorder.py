"""Records what reaches the disk, in order. The disk itself is a real folder."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import apsw

from skerry.storage.files import DiskFiles

_numbers = itertools.count()


class Step(NamedTuple):
    """One call. `path` is relative to the folder; `data` of a write, `to` of a renaming."""

    kind: Literal["create", "write", "truncate", "sync", "rename", "remove", "sync_folder"]
    path: str
    at: int = 0
    data: bytes = b""
    to: str = ""


class Recorder:
    """`steps` so far, and the name of a VFS that adds to them. Close it when nothing is open any more."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.steps: list[Step] = []
        self.vfs = f"recorded-{next(_numbers)}"
        self._registered = _Disk(self)
        self.files = RecordedFiles(self)

    def add(
        self,
        kind: Literal["create", "write", "truncate", "sync", "rename", "remove", "sync_folder"],
        path: str | Path,
        at: int = 0,
        data: bytes = b"",
        to: str | Path = "",
    ) -> None:
        self.steps.append(Step(kind, self._name(path), at, data, self._name(to) if to else ""))

    def _name(self, path: str | Path) -> str:
        return str(Path(path).resolve().relative_to(self.folder))

    def close(self) -> None:
        self._registered.unregister()


class _Disk(apsw.VFS):
    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(recorder.vfs, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path is None:  # scratch of SQLite's own, gone with the process
            return apsw.VFSFile("", name, flags)
        if not Path(path).exists() and flags[0] & apsw.SQLITE_OPEN_CREATE:
            self.recorder.add("create", path)
        return _Recorded(self.recorder, path, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        super().xDelete(filename, syncdir)
        self.recorder.add("remove", filename)
        if syncdir:
            self.recorder.add("sync_folder", Path(filename).parent)


class _Recorded(apsw.VFSFile):
    def __init__(
        self, recorder: Recorder, path: str, name: str | apsw.URIFilename, flags: list[int]
    ) -> None:
        self.recorder, self.path = recorder, path
        # SQLite's unix VFS syncs the folder with the first sync of a new journal or log
        kinds = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
        self.syncs_folder = bool(flags[0] & kinds) and not Path(path).exists()
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        super().xWrite(data, offset)
        self.recorder.add("write", self.path, offset, bytes(data))

    def xTruncate(self, newsize: int) -> None:
        super().xTruncate(newsize)
        self.recorder.add("truncate", self.path, newsize)

    def xSync(self, flags: int) -> None:
        super().xSync(flags)
        self.recorder.add("sync", self.path)
        if self.syncs_folder:
            self.syncs_folder = False
            self.recorder.add("sync_folder", Path(self.path).parent)


class RecordedFiles(DiskFiles):
    """The seam of blobs. A folder that was made is there: losing one is like losing the names in it."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        data = b"".join(chunks)
        super().write(path, [data])
        self.recorder.add("create", path)
        self.recorder.add("write", path, 0, data)

    def sync(self, path: Path) -> None:
        super().sync(path)
        self.recorder.add("sync", path)

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self.recorder.add("rename", old, to=new)

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        if path.resolve().is_relative_to(self.recorder.folder):
            self.recorder.add("sync_folder", path)

    def remove(self, path: Path) -> None:
        if path.exists():
            super().remove(path)
            self.recorder.add("remove", path)
