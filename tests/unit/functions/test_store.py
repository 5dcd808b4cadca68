"""Frozen code: copies that no save changes, zips that cannot lead out, folders that go when unwanted."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from skerry.base.finding import Finding
from skerry.functions import store
from skerry.functions.store import Definition, freeze, prune
from skerry.spec.function import Function


def make(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def frozen(function: Function, tmp_path: Path, **more: bool) -> Definition:
    found = freeze(function, tmp_path, tmp_path / "frozen", **more)
    assert isinstance(found, Definition)
    return found


def test_the_copy_keeps_what_was_saved(tmp_path: Path) -> None:
    source = make(tmp_path / "code", app="one = 1\n")
    first = frozen(Function("f", str(source), "app.handler"), tmp_path)
    make(source, app="one = 2\n")
    second = frozen(Function("f", str(source), "app.handler"), tmp_path)
    assert first.version != second.version
    assert (Path(first.source) / "app.py").read_text() == "one = 1\n"
    assert first.origin == second.origin == str(source)
    assert [p.suffix for p in (Path(first.source) / "__pycache__").iterdir()] == [".pyc"]


def test_the_same_code_is_the_same_folder(tmp_path: Path) -> None:
    source = make(tmp_path / "code", app="one = 1\n")
    function = Function("f", str(source), "app.handler")
    assert frozen(function, tmp_path) == frozen(function, tmp_path)
    assert len(list((tmp_path / "frozen").iterdir())) == 1


def test_zip_and_folder_of_the_same_files_are_one_version_for_workers(tmp_path: Path) -> None:
    source = make(tmp_path / "code", app="one = 1\n")
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.write(source / "app.py", "app.py")
    folder = frozen(Function("f", str(source), "app.handler"), tmp_path)
    zipped = frozen(Function("f", str(tmp_path / "code.zip"), "app.handler"), tmp_path)
    assert (folder.version, folder.source) == (zipped.version, zipped.source)


def test_modes_are_for_any_reader_and_no_writer(tmp_path: Path) -> None:
    source = make(tmp_path / "code", app="one = 1\n")
    (source / "app.py").chmod(0o600)
    old = os.umask(0o077)
    try:
        definition = frozen(Function("f", str(source), "app.handler"), tmp_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(Path(definition.source).stat().st_mode) == 0o755
    assert stat.S_IMODE((Path(definition.source) / "app.py").stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("name", "mode", "says"),
    [
        ("../out.py", 0, "leads out of it"),
        ("/out.py", 0, "leads out of it"),
        ("link.py", (stat.S_IFLNK | 0o777) << 16, "a link"),
    ],
)
def test_zips_that_lead_out_are_refused(tmp_path: Path, name: str, mode: int, says: str) -> None:
    row = zipfile.ZipInfo(name)
    row.external_attr = mode
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(row, "x = 1")
    found = freeze(Function("f", str(tmp_path / "bad.zip"), "a.b"), tmp_path, tmp_path / "frozen")
    assert isinstance(found, Finding)
    assert found.code == "function.code_unusable"
    assert says in found.message
    assert list((tmp_path / "frozen").iterdir()) == []


def test_a_broken_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 nothing")
    found = freeze(Function("f", str(tmp_path / "bad.zip"), "a.b"), tmp_path, tmp_path / "frozen")
    assert isinstance(found, Finding)
    assert "cannot be unpacked" in found.message


def test_too_much_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "CODE_BYTES_MAX", 10)
    source = make(tmp_path / "code", app="one = 1  # more than ten\n")
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.write(source / "app.py", "app.py")
    for path in (source, tmp_path / "code.zip"):
        found = freeze(Function("f", str(path), "a.b"), tmp_path, tmp_path / "frozen")
        assert isinstance(found, Finding)
        assert "Lambda's quota" in found.message


def test_in_place_runs_folders_where_they_are_and_unpacks_zips(tmp_path: Path) -> None:
    source = make(tmp_path / "code", app="one = 1\n")
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.write(source / "app.py", "app.py")
    assert frozen(Function("f", str(source), "a.b"), tmp_path, in_place=True).source == str(source)
    zipped = frozen(Function("f", str(tmp_path / "code.zip"), "a.b"), tmp_path, in_place=True)
    assert Path(zipped.source).parent == tmp_path / "frozen"


def test_prune_keeps_what_is_wanted(tmp_path: Path) -> None:
    source = make(tmp_path / "code", app="one = 1\n")
    first = frozen(Function("f", str(source), "a.b"), tmp_path)
    make(source, app="one = 2\n")
    second = frozen(Function("f", str(source), "a.b"), tmp_path)
    (tmp_path / "frozen" / ".draft-dead").mkdir()
    removed = prune(tmp_path / "frozen", {second.version})
    assert sorted(removed) == [".draft-dead", f"f-{first.version}"]
    assert prune(tmp_path / "nowhere", set()) == []
