"""Large values: named by content, durable when acknowledged, verified when read."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from skerry.base.errors import BusyError, CallerError, UpstreamError
from skerry.storage.blobs import Blobs
from skerry.storage.files import DiskFiles

NAME = hashlib.sha256(b"onetwo").hexdigest()


class Watched(DiskFiles):
    """Tells what was called, and can run out of room."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.room = True

    def write(self, path: Path, chunks: Iterable[bytes]) -> None:
        super().write(path, chunks)
        self.calls.append("write")
        if not self.room:
            raise OSError(errno.ENOSPC, "no room")

    def sync(self, path: Path) -> None:
        super().sync(path)
        self.calls.append(f"sync {path.parent.name}")

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self.calls.append("rename")

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        self.calls.append(f"folder {path.name}")


def test_what_is_stored_is_read_again_under_the_name_of_its_content(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    assert blobs.put(iter([b"one", b"two"])) == NAME
    assert blobs.has(NAME)
    assert Blobs(tmp_path / "blobs").get(NAME) == b"onetwo"
    blobs.remove(NAME)
    assert not blobs.has(NAME)


def test_it_is_synced_before_it_has_its_name_and_the_folder_after(tmp_path: Path) -> None:
    files = Watched()
    blobs = Blobs(tmp_path / "blobs", files)
    files.calls.clear()
    blobs.put([b"onetwo"])
    first, last = f"folder {NAME[:2]}", "rename"
    assert files.calls == ["write", "sync new", "folder blobs", last, first]


def test_one_that_is_there_is_made_durable_all_the_same(tmp_path: Path) -> None:
    files = Watched()
    blobs = Blobs(tmp_path / "blobs", files)
    blobs.put([b"onetwo"])
    files.calls.clear()
    assert blobs.put([b"onetwo"]) == NAME
    assert files.calls == ["write", f"sync {NAME[:2]}", f"folder {NAME[:2]}"]


def test_a_flipped_bit_is_seen_and_healed_by_whoever_brings_it_again(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    blobs.put([b"onetwo"])
    (tmp_path / "blobs" / NAME[:2] / NAME[2:]).write_bytes(b"onetwp")
    with pytest.raises(UpstreamError, match="damaged") as told:
        blobs.get(NAME)
    assert told.value.code == "storage.damaged"
    blobs.put([b"onetwo"])
    assert blobs.get(NAME) == b"onetwo"


def test_no_room_is_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    files = Watched()
    blobs = Blobs(tmp_path / "blobs", files)
    files.room = False
    with pytest.raises(BusyError) as told:
        blobs.put([b"onetwo"])
    assert told.value.code == "storage.full"
    assert not list((tmp_path / "blobs" / "new").iterdir())
    assert not blobs.has(NAME)


def test_what_a_crash_left_half_written_goes(tmp_path: Path) -> None:
    Blobs(tmp_path / "blobs")
    (tmp_path / "blobs" / "new" / "7").write_bytes(b"half")
    Blobs(tmp_path / "blobs")
    assert not list((tmp_path / "blobs" / "new").iterdir())


@pytest.mark.parametrize("name", ["", "../../etc/passwd", NAME.upper(), NAME + "0", f"{NAME}\n"])
def test_what_is_no_name_leads_nowhere(tmp_path: Path, name: str) -> None:
    blobs = Blobs(tmp_path / "blobs")
    for call in (blobs.get, blobs.has, blobs.remove):
        with pytest.raises(CallerError) as told:
            call(name)
        assert told.value.code == "storage.bad_name"


def test_one_that_has_not_come_yet_is_named(tmp_path: Path) -> None:
    with pytest.raises(BusyError, match=NAME) as told:
        Blobs(tmp_path / "blobs").get(NAME)
    assert told.value.code == "storage.no_blob"


def test_what_the_bringer_of_the_bytes_raises_is_not_the_disk_s_fault(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        Blobs(tmp_path / "blobs").put(broken())
    assert not list((tmp_path / "blobs" / "new").iterdir())
