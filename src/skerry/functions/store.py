"""Freeze a function's code: a folder of its own for each version, which no later save can change.

What runs must not change under its workers: a bad save leaves the old version in place, and that version
must still load in a worker that is made tomorrow. So code is copied (a zip unpacked) into
`FOLDER/NAME-VERSION`, named by the digest of the copy itself, and workers run the copy. Under a debugger
code runs where it was written, since breakpoints are set by path.
"""

from __future__ import annotations

import compileall
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath

import msgspec

from skerry.base.finding import Finding
from skerry.functions.digest import digest, walk
from skerry.functions.interpreter import find_environment
from skerry.spec.function import Function

# Lambda's quota for an unpacked function. A zip that promises more is not unpacked to find out.
CODE_BYTES_MAX = 250 * 1024 * 1024
# Above this, compiling takes longer than a save may: workers then compile what they import, each anew.
COMPILED_BYTES_MAX = 4 * 1024 * 1024


class Definition(msgspec.Struct, frozen=True):
    """A function as the launcher takes it (its `define`). source: the frozen folder, origin: the user's."""

    name: str
    version: str
    source: str
    origin: str
    handler: str
    python: str
    memory_mb: int
    timeout_s: float
    egress: str | tuple[str, ...]
    env: dict[str, str] = {}


def freeze(
    function: Function, root: Path, folder: Path, *, in_place: bool = False
) -> Definition | Finding:
    """Copy the code and give it its version. A function that is frozen already costs its reading.

    function   its `source` exists (lint says so)
    folder     where frozen code is kept
    in_place   for a debugger: run where it was written. A zip is unpacked all the same.
    Raises OSError where the disk refuses.
    """
    environment = find_environment(function.name, function.python, root)
    if isinstance(environment, Finding):
        return environment
    source = Path(function.source)
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder))
    try:
        problem = _unpack(source, draft) if source.is_file() else _copy(source, draft)
        if problem:
            return Finding(
                "function.code_unusable",
                "error",
                f"function {function.name}",
                problem,
                hint="leave out of the folder or zip what the handler does not need",
            )
        version = digest(function, walk(draft), environment.packages)
        frozen = folder / f"{_plain(function.name)}-{version}"
        if not frozen.exists():
            _compile(draft)
            _open_to_readers(draft)
            draft.rename(frozen)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    runs_in = source if in_place and source.is_dir() else frozen
    return Definition(
        name=function.name,
        version=version,
        source=str(runs_in),
        origin=str(source),
        handler=function.handler,
        python=":".join(environment.folders),
        memory_mb=function.memory_mb,
        timeout_s=function.timeout_s,
        egress=function.egress,
    )


def prune(folder: Path, kept: Collection[str]) -> list[str]:
    """Remove frozen folders but those of `kept` versions, and drafts of a freeze that died. Returns names."""
    removed = []
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if entry.is_dir() and entry.name.rpartition("-")[2] not in kept:
            shutil.rmtree(entry, ignore_errors=True)
            removed.append(entry.name)
    return removed


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "_." else "_" for c in name)[:64]


def _copy(source: Path, target: Path) -> str:
    total = 0
    for name, path in walk(source):
        total += path.stat().st_size
        if total > CODE_BYTES_MAX:
            return f"its code is over {CODE_BYTES_MAX // 2**20} MB, Lambda's quota"
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return ""


def _unpack(source: Path, target: Path) -> str:
    try:
        with zipfile.ZipFile(source) as archive:
            rows = archive.infolist()
            if sum(row.file_size for row in rows) > CODE_BYTES_MAX:
                return f"unpacked it is over {CODE_BYTES_MAX // 2**20} MB, Lambda's quota"
            for row in rows:
                name = PurePosixPath(row.filename)
                if name.is_absolute() or ".." in name.parts:
                    return f"the zip holds {row.filename!r}, a path that leads out of it"
                if stat.S_ISLNK(row.external_attr >> 16):
                    return f"the zip holds {row.filename!r}, a link; store the file itself"
                if row.is_dir():
                    continue
                place = target / name
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(row) as packed, place.open("wb") as file:
                    shutil.copyfileobj(packed, file)
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError) as error:
        # RuntimeError: encrypted, or (a subclass of it) packed in a way that zipfile does not know
        return f"the zip cannot be unpacked: {error}"
    return ""


def _compile(folder: Path) -> None:
    """Compile once what every worker would compile anew. What does not compile fails in the proof."""
    total = sum(path.stat().st_size for path in folder.rglob("*.py"))
    if total <= COMPILED_BYTES_MAX:
        compileall.compile_dir(folder, quiet=2, stripdir=str(folder))


def _open_to_readers(folder: Path) -> None:
    """0755 and 0644 whatever the mask: a worker's own user reads it, and nobody but us writes it."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
