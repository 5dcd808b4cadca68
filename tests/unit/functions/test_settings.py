from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from skerry.functions.settings import Settings


def test_token_by_variable_and_the_rest_by_default() -> None:
    settings = Settings.read({"SKERRY_LAUNCHER_TOKEN": "t"})
    assert settings == Settings(hashlib.sha256(b"t").digest())


def test_token_by_file_of_the_state(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "launcher.token").write_text("t\n")
    settings = Settings.read(
        {
            "SKERRY_PART": json.dumps({"state_dir": str(tmp_path), "root": "/p"}),
            "SKERRY_DEBUG": "1",
            "SKERRY_DEBUG_TTY": "/dev/pts/9",
            "SKERRY_SANDBOX": "T0",
            "SKERRY_GUEST_PACKAGES": "/guest",
        }
    )
    assert settings == Settings(
        hashlib.sha256(b"t").digest(), tmp_path, "/p", "/guest", "T0", True, "/dev/pts/9"
    )


def test_without_a_token_nobody_is_served(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no token"):
        Settings.read({})
    with pytest.raises(OSError, match="No such file"):
        Settings.read({"SKERRY_PART": json.dumps({"state_dir": str(tmp_path)})})
