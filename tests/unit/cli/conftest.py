from __future__ import annotations

from pathlib import Path

import pytest

from skerry.trust import store


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system store that is no system's, and a home of our own. The real store is never touched."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setattr(store, "SYSTEM_STORES", ((shelf, ("true",)),))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return shelf
