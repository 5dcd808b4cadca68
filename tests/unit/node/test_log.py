"""The node's log: turned when large, made again when moved, patient with a full disk; and what parts say into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.node import log as node_log
from skerry.node.log import NodeLog, Voice


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where it lies. Stdout and stderr, which it takes, are given back."""
    kept = [os.dup(1), os.dup(2)]
    yield tmp_path / "node.log"
    for number, copy in enumerate(kept, 1):
        os.dup2(copy, number)
        os.close(copy)


def older(path: Path) -> str:
    return path.with_suffix(".log.1").read_text()


def test_it_is_begun_anew_when_it_is_full(path: Path) -> None:
    log = NodeLog(path, 10)
    for line in (b"one\n", b"two\n", b"three\n"):
        log.write(line)
    assert (path.read_text(), older(path)) == ("three\n", "one\ntwo\n")
    assert path.stat().st_mode & 0o777 == 0o600
    os.write(2, b"a crash\n")
    assert path.read_text() == "three\na crash\n", "init's own stderr has turned with it"


def test_it_is_made_again_when_somebody_has_moved_it(path: Path) -> None:
    log = NodeLog(path, 0)
    log.write(b"one\n")
    path.rename(path.with_name("kept"))
    log.write(b"two\n")
    assert path.read_text() == "two\n"
    path.unlink()
    path.write_text("another's\n")
    log.write(b"three\n")
    assert path.read_text() == "another's\nthree\n"


def test_a_full_disk_takes_whole_lines_and_the_rest_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = 10
    write = os.write

    def cramped(number: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(28, "No space left on device")
        written = write(number, data[:room])
        room -= written
        return written

    log = NodeLog(path, 0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", cramped)
        log.write(b"one\ntwo\nthree\n")
        assert path.read_text() == "one\ntwo\n", "no torn line"
        log.write(b"four\n")
    log.write(b"five\n")
    assert path.read_text() == "one\ntwo\nthree\nfour\nfive\n"


def test_what_is_too_much_to_keep_is_counted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_log, "BACKLOG_BYTES_MAX", 9)
    log = NodeLog(path, 0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        for line in (b"one\n", b"two\n", b"three\n"):
            log.write(line)
    log.write(b"four\n")
    said = path.read_text().splitlines()
    assert said == [
        "one",
        "two",
        "four",
        "init: 1 lines of this log were lost: it could not be written",
    ]


def test_a_part_is_heard_in_whole_lines_and_to_its_end(path: Path) -> None:
    voice = Voice(NodeLog(path, 0))
    assert voice.hear(), "it says nothing yet"
    os.write(voice.theirs, b"one\ntw")
    assert voice.hear()
    assert path.read_text() == "one\n"
    os.write(voice.theirs, b"o\nlast words")
    os.close(voice.theirs)
    assert voice.hear()
    assert not voice.hear()
    assert path.read_text() == "one\ntwo\nlast words\n"
    os.close(voice.ours)


def test_a_line_without_an_end_is_written_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_log, "LINE_BYTES_MAX", 4)
    voice = Voice(NodeLog(path, 0))
    os.write(voice.theirs, b"endless")
    assert voice.hear()
    assert path.read_text() == "endless\n"
    os.close(voice.theirs)
    os.close(voice.ours)
