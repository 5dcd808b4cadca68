"""What a checkout is set up with: the Python it finds, the files it links, the lock it completes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import tree

FOLDER = tree.ROOT / "requirements"


def script(name: str) -> ModuleType:
    """One of requirements/*.py as a module."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def found_python(**env: str) -> str:
    """What python.sh prints."""
    ran = subprocess.run(
        ["sh", FOLDER / "python.sh"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **env},
    )
    return ran.stdout.strip()


def test_a_python_that_is_named_is_taken() -> None:
    assert found_python(SKERRY_PYTHON="/opt/own/python") == "/opt/own/python"


def test_a_python_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    found = found_python(PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert found != str(old)
    code = "import sys; print(sys.version_info >= (3, 11))"
    assert (
        subprocess.run([found, "-c", code], capture_output=True, text=True, check=True).stdout
        == "True\n"
    )


def test_link_makes_the_checkout_importable(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "own"], check=True)
    python = tmp_path / "own" / "bin" / "python"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([python, FOLDER / "link.py"], check=True, env=env)
    where = subprocess.run(
        [python, "-c", "import skerry; print(skerry.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        env=env,
        cwd=tmp_path,
    ).stdout
    assert where.strip() == str(tree.SRC / "__init__.py")
    first = (tmp_path / "own" / "bin" / "skerry").read_text().splitlines()[0]
    assert first == f"#!{python} -s"


def test_the_lock_comes_back_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = script("lock")
    monkeypatch.setattr(lock, "PINNED", tmp_path / "rust.lock")
    monkeypatch.setattr(lock, "CARGO_LOCK", tmp_path / "Cargo.lock")
    monkeypatch.setattr(lock, "local_source", lambda: "registry+https://mirror.example/index")
    pinned = (FOLDER / "rust.lock").read_text()
    (tmp_path / "rust.lock").write_text(pinned)
    lock.unpack()
    whole = (tmp_path / "Cargo.lock").read_text()
    assert whole.count('source = "registry+https://mirror.example/index"') == pinned.count(
        "\nchecksum = "
    )
    lock.pack()
    assert (tmp_path / "rust.lock").read_text() == pinned
    assert "\nsource = " not in pinned
