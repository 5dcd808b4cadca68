from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import peer


@pytest.mark.parametrize("size", [0, 1, 8, 1024, 65536])
def test_a_body_has_its_size_and_needs_no_quoting(size: int) -> None:
    made = peer.body(size)
    assert len(made) == size
    assert set(made) <= set(b"0123456789 ")


@pytest.mark.parametrize("name", sorted(path.name for path in peer.PEERS.iterdir()))
def test_every_placeholder_of_a_configuration_is_filled(name: str, tmp_path: Path) -> None:
    values = ("PORT", "TLS_PORT", "ORIGIN", "CERTIFICATE", "KEY", "PEM", "BODY", "FILES")
    path = peer.write_configuration(name, tmp_path, **dict.fromkeys(values, "7"))
    assert "@" not in path.read_text().replace("fd@", "")


def test_the_runner_names_an_unknown_benchmark() -> None:
    command = ["python3", "-m", "benchmarks", "htpp"]
    done = subprocess.run(
        command, cwd=peer.PEERS.parent.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no such benchmark: htpp" in done.stderr
