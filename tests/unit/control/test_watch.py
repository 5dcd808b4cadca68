"""What counts as an edit."""

from __future__ import annotations

import os
from pathlib import Path

from skerry.control import watch


def test_edits_are_seen_and_nothing_else(tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "__pycache__").mkdir(parents=True)
    (code / ".git").mkdir()
    (code / "app.py").write_text("a = 1")
    settings = tmp_path / "skerry.toml"
    settings.write_text("x")
    paths = [settings, code, tmp_path / "absent.tf"]
    before = watch.marks(paths)
    (code / "__pycache__" / "app.pyc").write_text("")
    (code / ".git" / "index").write_text("")
    assert watch.changed(before, watch.marks(paths)) == []
    settings.write_text("yy")
    (code / "app.py").rename(code / "old.py")
    (code / "app.py").write_text("a = 2")
    (tmp_path / "absent.tf").write_text("")
    assert [
        os.path.relpath(path, tmp_path) for path in watch.changed(before, watch.marks(paths))
    ] == [
        "absent.tf",
        "code",
        "code/app.py",
        "code/old.py",
        "skerry.toml",
    ]


def test_names_and_interval(tmp_path: Path) -> None:
    for name in ("b.tf", "a.tf", "c.txt"):
        (tmp_path / name).write_text("")
    assert watch.names(tmp_path, (".tf",)) == ("a.tf", "b.tf")
    assert watch.names(tmp_path / "gone", (".tf",)) == ()
    assert watch.interval_s(0.0001) == watch.LOOK_S
    assert watch.interval_s(0.1) == 0.1 * watch.SHARE
