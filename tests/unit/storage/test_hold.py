"""One process has a file, and the second one is told who."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from skerry.base.errors import BusyError
from skerry.storage.hold import Hold

OTHER = """
import sys
from pathlib import Path
from skerry.storage.hold import Hold
Hold(Path(sys.argv[1]), "the data of shop")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_told_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "edge.db"
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(BusyError, match=rf"the data of shop \(process {other.pid}\)") as told:
            Hold(path, "me")
        assert told.value.code == "storage.held"
        other.kill()  # it cannot tidy up, and need not
        other.wait()
    Hold(path, "me").release()


def test_it_can_be_had_again_after_it_was_let_go(tmp_path: Path) -> None:
    first = Hold(tmp_path / "edge.db", "one")
    with pytest.raises(BusyError, match="one"):
        Hold(tmp_path / "edge.db", "two")
    first.release()
    first.release()
    Hold(tmp_path / "edge.db", "two").release()
