from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.process.identity import (
    UID_RANGES,
    Identity,
    assume,
    first_unreadable,
    mapped_uids,
    offer,
    read_mapped_uids,
)

ALL = [(0, 4294967295)]
CONTAINER = [(0, 65536)]


@pytest.mark.parametrize(
    ("root", "mapped", "unreadable", "low", "why"),
    [
        (True, ALL, "", UID_RANGES[0][0], ""),
        (True, CONTAINER, "", UID_RANGES[1][0], ""),
        (True, [(0, 1)], "", 0, "maps no free range"),
        (True, [], "", 0, "maps no free range"),
        (True, ALL, "/root", 0, "cannot read /root"),
        (False, ALL, "", 0, "does not run as root"),
    ],
)
def test_offer(
    root: bool, mapped: list[tuple[int, int]], unreadable: str, low: int, why: str
) -> None:
    found = offer("f", "/project", root=root, mapped=mapped, unreadable=unreadable)
    assert why in found.why
    if low:
        assert found.identity is not None
        assert low <= found.identity.uid < low + dict(UID_RANGES)[low]
    else:
        assert found.identity is None


def test_a_functions_user_is_its_own_and_stays() -> None:
    def uid(name: str, scope: str) -> int:
        found = offer(name, scope, root=True, mapped=ALL, unreadable="").identity
        assert found is not None
        return found.uid

    assert uid("f", "/p") == uid("f", "/p")
    assert len({uid("f", "/p"), uid("g", "/p"), uid("f", "/q"), uid("/pf", "")}) == 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("         0          0 4294967295\n", [(0, 4294967295)]),
        ("0 1000 1\n1 100000 65535\n", [(0, 1), (1, 65535)]),
        ("", []),
    ],
)
def test_mapped_uids(text: str, expected: list[tuple[int, int]]) -> None:
    assert mapped_uids(text) == expected


def test_this_process_has_a_map() -> None:
    assert read_mapped_uids()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sk-"))
    folder.chmod(0o755)
    (folder / "lib").mkdir(mode=0o755)
    (folder / "lib" / "a.py").write_text("x")
    (folder / "lib" / "a.py").chmod(0o644)
    (folder / "lib").chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_unreadable_names_the_first_path(open_folder: Path) -> None:
    assert first_unreadable([str(open_folder), str(open_folder / "missing")]) == ""
    assert first_unreadable([str(open_folder / "lib" / "a.py")]) == ""
    (open_folder / "lib" / "a.py").chmod(0o640)
    assert first_unreadable([str(open_folder)]) == str(open_folder / "lib" / "a.py")
    (open_folder / "lib").chmod(0o754)
    assert first_unreadable([str(open_folder)]) == str(open_folder / "lib")
    open_folder.chmod(0o700)
    assert first_unreadable([str(open_folder / "lib")]) == str(open_folder)


def test_what_nobody_needs_may_be_private(open_folder: Path) -> None:
    (open_folder / "__pycache__").mkdir(mode=0o700)
    assert first_unreadable([str(open_folder)]) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can switch users")
def test_assume_is_for_good() -> None:
    uid = UID_RANGES[-1][0] + 7  # exists in containers too
    pid = os.fork()
    if pid == 0:
        assume(Identity(uid, uid))
        good = os.getresuid() == (uid, uid, uid) and os.getgroups() == []
        try:
            os.setuid(0)
            good = False
        except PermissionError:
            pass
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
