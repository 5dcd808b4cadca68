"""What tests/conftest.py promises: no far calls, no unknown skips, nothing left behind."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tests.support import tree
from tests.support.wait import until


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.com", 443)])
def test_far_calls_fail(address: tuple[str, int]) -> None:
    with socket.socket() as caller, pytest.raises(AssertionError, match="only this machine"):
        caller.connect(address)


def test_near_calls_do_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as caller:
        caller.connect(server.getsockname())


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ("pass", 0, "1 passed"),
        (
            "__import__('pytest').skip('no reason at all')",
            1,
            "skips that tests/skips.toml does not know",
        ),
        (
            "global p, s; s = __import__('subprocess'); p = s.Popen(['cat'], stdin=s.PIPE)",
            1,
            "processes that tests have left behind",
        ),
    ],
)
def test_a_run_is_red_that_should_be(body: str, code: int, says: str) -> None:
    file = tree.ROOT / "tests" / "house" / f"probe_{os.getpid()}.py"
    file.write_text(f"def test_probe():\n    {body}\n")
    try:
        ran = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)],
            cwd=tree.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        file.unlink()
    assert ran.returncode == code, ran.stdout
    assert says in ran.stdout


def test_waiting_ends() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.01 s: never"):
        until(lambda: False, within_s=0.01, what="never")
    assert until(lambda: 7, within_s=0.01) == 7
