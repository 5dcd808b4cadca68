"""What a checkout is set up with: the Python it finds, the files it links, the lock it completes."""

from __future__ import annotations

import importlib.util
import os
import shutil
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


TOOLS = ("sh", "uname", "sed", "head", "dirname", "cut", "sort", "grep", "id")


def machine(folder: Path, **scripts: str) -> dict[str, str]:
    """The environment of a machine that has little more than the given commands, each a shell script."""
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        if name not in scripts:
            (folder / name).symlink_to(found)
    for name, text in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return {"PATH": str(folder), "SKERRY_PYTHON": sys.executable}


WHOLE = {"cargo": "exit 0", "rustc": "echo 'rustc 1.95.0 (x 2026)'", "cc": "exit 0"}


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({}, []),
        ({"rustc": "echo 'rustc 1.103.1-nightly (x 2027)'"}, []),
        ({"cargo": None}, ["no Rust (cargo and rustc) is on the path", "https://rustup.rs"]),
        ({"rustc": None}, ["no Rust (cargo and rustc) is on the path", "https://rustup.rs"]),
        ({"rustc": "echo 'rustc 1.94.1 (x 2026)'"}, ["Rust 1.94.1 is too old", "rustup update"]),
        (
            {"rustc": "echo 'error: no default toolchain' >&2; exit 1"},
            ["rustc does not start: error: no default toolchain", "rustup default stable"],
        ),
        ({"cc": None}, ["no C compiler is on the path", "apt-get install gcc"]),
        (
            {"cc": "echo 'fatal error: stdlib.h: No such file'; exit 1"},
            ["the C compiler makes no program: fatal error: stdlib.h", "libc6-dev"],
        ),
        ({"cc": None, "cargo": None}, ["no Rust", "no C compiler"]),
        ({"uname": "echo Darwin"}, ["Skerry runs on Linux, and this is Darwin"]),
    ],
)
def test_what_is_missing_is_said_before_anything_is_downloaded(
    others: dict[str, str | None], said: list[str], tmp_path: Path
) -> None:
    scripts = {name: text for name, text in {**WHOLE, **others}.items() if text is not None}
    env = machine(tmp_path / "machine", **scripts)
    ran = subprocess.run(
        ["/bin/sh", FOLDER / "ready.sh"], capture_output=True, text=True, check=False, env=env
    )
    assert ran.returncode == (1 if said else 0), ran.stderr
    assert all(each in ran.stderr for each in said), ran.stderr
    assert said or not ran.stderr
    assert ran.stderr.count("hint: ") == len(
        [each for each in said if each.startswith("no ")] or said[:1]
    )


@pytest.mark.parametrize(
    ("complaint", "hinted"),
    [
        ("the lock file Cargo.lock needs to be updated but --locked was passed", True),
        ("could not compile `skerry-http` (lib) due to 1 previous error", False),
    ],
)
def test_the_lock_is_spoken_of_when_cargo_speaks_of_it(
    complaint: str, hinted: bool, tmp_path: Path
) -> None:
    (tmp_path / "requirements").mkdir()
    for name in ("lock.py", "rust.lock", "ready.sh"):
        shutil.copy(FOLDER / name, tmp_path / "requirements")
    for name in ("Makefile", "Cargo.toml"):
        shutil.copy(tree.ROOT / name, tmp_path)
    shutil.copy(FOLDER / "rust.lock", tmp_path / "Cargo.lock")  # so that nothing is to be unpacked
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    metadata = f"echo 'error: {complaint}' >&2; exit 101" if hinted else "exit 0"
    cargo = f"case $1 in metadata) {metadata};; *) echo 'error: {complaint}' >&2; exit 101;; esac"
    env = machine(tmp_path / "machine", **{**WHOLE, "cargo": cargo})
    env["PATH"] += f":{os.environ['PATH']}"
    ran = subprocess.run(
        ["make", "native"], capture_output=True, text=True, check=False, env=env, cwd=tmp_path
    )
    assert ran.returncode != 0
    assert complaint in ran.stderr
    assert ("hint: Cargo.toml has crates" in ran.stdout) is hinted, ran.stdout + ran.stderr


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
