from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.functions.interpreter import OURS
from skerry.functions.lint import lint
from skerry.spec.function import Function

GOOD = "def handler(event, context):\n    return event\n"


@pytest.mark.parametrize(
    ("files", "handler", "runtime", "expected"),
    [
        ({"app.py": GOOD}, "app.handler", "", []),
        ({"app.py": GOOD}, "app.handler", f"python{OURS}", []),
        ({"app.py": GOOD}, "app.handler", "python3.7", []),
        ({"app.js": ""}, "app.handler", "nodejs22.x", [("function.runtime_not_built", "error")]),
        ({"app.py": GOOD}, "app.handler", "ruby3.4", [("function.runtime", "error")]),
        ({"app.py": GOOD}, "app", "", [("function.handler", "error")]),
        ({"app.py": GOOD}, "ap.handler", "", [("function.handler_missing", "error")]),
        ({"app.py": GOOD}, "app.handle", "", [("function.handler_missing", "error")]),
        ({"app.py": "def handler(:"}, "app.handler", "", [("function.syntax_error", "error")]),
        ({"app.py": "async " + GOOD}, "app.handler", "", [("function.handler_async", "error")]),
        ({"app.py": "from x import handler\n"}, "app.handler", "", []),
        ({"app.py": "handler = make()\n"}, "app.handler", "", []),
        ({"lib/api.py": GOOD}, "lib/api.handler", "", []),
        ({"lib/api.py": GOOD}, "lib.api.handler", "", []),
        ({"lib/__init__.py": GOOD}, "lib.handler", "", []),
        ({"fast.cpython-311-x86_64-linux-gnu.so": ""}, "fast.handler", "", []),
        ({}, "app.handler", "", [("function.handler_missing", "error")]),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_rows(
    tmp_path: Path,
    files: dict[str, str],
    handler: str,
    runtime: str,
    expected: list[tuple[str, str]],
    kind: str,
) -> None:
    folder, archive = tmp_path / "code", tmp_path / "code.zip"
    folder.mkdir()
    with zipfile.ZipFile(archive, "w") as packed:
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
            packed.writestr(name, text)
    function = Function("f", str(folder if kind == "folder" else archive), handler, runtime)
    found = lint(function, tmp_path)
    assert [(f.code, f.level) for f in found] == expected
    assert all(f.hint or f.code == "function.syntax_error" for f in found)


@pytest.mark.parametrize("source", ["", "/no/such/folder"])
def test_missing_source(tmp_path: Path, source: str) -> None:
    (found,) = lint(Function("f", source, "app.handler"), tmp_path)
    assert found.code == "function.no_source"
    assert "[function.f] source" in found.hint


def test_a_file_that_is_no_zip(tmp_path: Path) -> None:
    (tmp_path / "code.tar").write_text("tar")
    (found,) = lint(Function("f", str(tmp_path / "code.tar"), "app.handler"), tmp_path)
    assert "neither a folder nor a zip" in found.message


def test_places_and_near_names(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import os\n\nasync def handler(e, c): ...\n\ndef handle(e, c): ...\n"
    )
    (found,) = lint(Function("f", str(tmp_path), "app.handler"), tmp_path)
    assert found.where == Place("app.py", 3)
    (found,) = lint(Function("f", str(tmp_path), "app.hndle"), tmp_path)
    assert found.hint == "did you mean 'handle'?"
    (found,) = lint(Function("f", str(tmp_path), "ap.handle"), tmp_path)
    assert found.hint.startswith("did you mean 'app.py'?")
