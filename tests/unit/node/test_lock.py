"""One run per project."""

from __future__ import annotations

import os
from pathlib import Path

from skerry.node import lock


def test_taken_held_and_free_again(tmp_path: Path) -> None:
    assert lock.holder(tmp_path) is None
    held = lock.take(tmp_path)
    assert held is not None
    assert not os.get_inheritable(held)
    assert lock.holder(tmp_path) == os.getpid()
    assert lock.take(tmp_path) is None
    os.close(held)
    assert lock.holder(tmp_path) is None, "the file is still there and means nothing"
    again = lock.take(tmp_path)
    assert again is not None
    os.close(again)
