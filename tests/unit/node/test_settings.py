"""Settings go through the file, and the folders get their modes."""

from __future__ import annotations

import stat
from pathlib import Path

from skerry.node.settings import NodeSettings, PopSettings, read, write


def test_round_trip(tmp_path: Path) -> None:
    settings = NodeSettings(
        str(tmp_path), (PopSettings("a", 80, 443),), bind="::1", deadlines=False
    )
    path = write(settings)
    assert read(path) == settings
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (tmp_path / ".skerry" / ".gitignore").read_text() == "*\n"
    modes = {
        name: stat.S_IMODE((tmp_path / ".skerry" / name).stat().st_mode)
        for name in ("", "run", "log", "tls")
    }
    assert modes == {"": 0o711, "run": 0o700, "log": 0o700, "tls": 0o700}
