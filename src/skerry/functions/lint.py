"""What can be said of a function before it runs: its source, its handler, its runtime."""

from __future__ import annotations

import ast
import difflib
import re
import zipfile
from pathlib import Path

from skerry.base.finding import Finding, Place
from skerry.spec.function import Function

_PLAIN = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Expr | ast.Import
_RUNTIME_RULE = "AWS Lambda Developer Guide, Lambda runtimes"


def lint(function: Function, root: Path) -> list[Finding]:
    """All findings for one function; with an `error` among them it cannot be made ready. Reads files only."""
    findings = _lint_runtime(function)
    if any(finding.level == "error" for finding in findings):
        return findings  # the rest would speak of Python to somebody who writes Node
    return findings + (_lint_source(function) or _lint_handler(function, root))


def _where(function: Function) -> str:
    return f"function {function.name}"


def _lint_runtime(function: Function) -> list[Finding]:
    """Another Python than ours is the readers' to say, who know the line it stands on."""
    runtime = function.runtime
    if not runtime or re.fullmatch(r"python\d+\.\d+", runtime):
        return []
    node = runtime.startswith("nodejs")
    return [
        Finding(
            "function.runtime_not_built" if node else "function.runtime",
            "error",
            _where(function),
            f"runtime {runtime!r} is refused: "
            + (
                "Node handlers come with a later version"
                if node
                else "Lambda@Edge has no such runtime"
            ),
            hint="take the association out of the distribution, or write the handler in Python",
            rule=_RUNTIME_RULE,
        )
    ]


def _lint_source(function: Function) -> list[Finding]:
    path = Path(function.source)
    if not function.source:
        message = "its code was not found"
    elif not path.exists():
        message = f"there is no {path}"
    elif path.is_file() and not zipfile.is_zipfile(path):
        message = f"{path} is neither a folder nor a zip"
    else:
        return []
    return [
        Finding(
            "function.no_source",
            "error",
            _where(function),
            message,
            hint=f'name the folder or zip in skerry.toml: [function.{function.name}] source = "…"',
        )
    ]


def _lint_handler(function: Function, root: Path) -> list[Finding]:
    module, dot, name = function.handler.rpartition(".")
    if not dot or not module or not name:
        return [
            Finding(
                "function.handler",
                "error",
                _where(function),
                f"handler {function.handler!r} is not `module.function`",
                hint='for `def handler` in app.py write "app.handler"',
            )
        ]
    within = module.replace(".", "/")
    files = _python_files(Path(function.source))
    candidates = [f"{within}.py", f"{within}/__init__.py"]
    file = next((c for c in candidates if c in files), None)
    if file is None:
        if any(f.startswith((f"{within}/", f"{within}.")) for f in files):
            return []  # a namespace package or a compiled module: the proof will tell
        near = difflib.get_close_matches(f"{within}.py", files, 1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        return [
            Finding(
                "function.handler_missing",
                "error",
                _where(function),
                f"handler {function.handler!r}: there is no {within}.py in {function.source}",
                hint=f"{meant}it has {', '.join(sorted(f for f in files if '/' not in f)[:8]) or 'no .py file'}",
            )
        ]
    return _lint_module(function, file, files[file], name, root)


def _lint_module(
    function: Function, file: str, text: bytes, name: str, root: Path
) -> list[Finding]:
    source = Path(function.source)
    shown = source / file if source.is_dir() else source
    path = str(shown.relative_to(root)) if shown.is_relative_to(root) else str(shown)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", 0) or 0, getattr(error, "offset", 0) or 0
        said = getattr(error, "msg", None) or str(error)
        return [
            Finding("function.syntax_error", "error", Place(path, line, column), f"{file}: {said}")
        ]
    names = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    asyncs = {n.name: n for n in tree.body if isinstance(n, ast.AsyncFunctionDef)}
    if name in asyncs:
        return [
            Finding(
                "function.handler_async",
                "error",
                Place(path, asyncs[name].lineno),
                f"{name} is `async def`; AWS's Python runtime does not await handlers",
                hint="make it `def` and call asyncio.run(...) inside",
            )
        ]
    # A name may also come by assignment, import or a loop: only a module that is plain can be judged.
    plain = all(isinstance(n, _PLAIN) for n in tree.body)
    if plain and name not in names:
        near = difflib.get_close_matches(name, sorted(names), 1)
        return [
            Finding(
                "function.handler_missing",
                "error",
                Place(path),
                f"handler {function.handler!r}: {file} has no function {name!r}",
                hint=f"did you mean {near[0]!r}?"
                if near
                else f"it has {', '.join(sorted(names)) or 'none'}",
            )
        ]
    return []


def _python_files(source: Path) -> dict[str, bytes]:
    """Path within → text, of .py files; compiled modules by name only."""
    if source.is_dir():
        return {
            str(path.relative_to(source)): path.read_bytes() if path.suffix == ".py" else b""
            for pattern in ("*.py", "*/*.py", "*/*/*.py", "*.so", "*/*.so")
            for path in source.glob(pattern)
            if path.is_file()
        }
    with zipfile.ZipFile(source) as archive:
        names = [n for n in archive.namelist() if n.endswith((".py", ".so"))]
        return {n: archive.read(n) if n.endswith(".py") else b"" for n in names}
