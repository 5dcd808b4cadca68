from __future__ import annotations

import sys
from pathlib import Path

import pytest

from skerry.functions.guest.load import LoadError, load


@pytest.mark.parametrize(
    ("text", "handler", "kind", "says"),
    [
        (
            "",
            "app_of_test",
            "Runtime.MalformedHandlerName",
            "`app.handler` for `def handler` in app.py",
        ),
        ("", ".handler", "Runtime.MalformedHandlerName", "must be"),
        (
            "",
            "app_of_tests.handler",
            "Runtime.ImportModuleError",
            "in /their/code, it has app_of_test.py",
        ),
        ("import no_such", "app_of_test.handler", "Runtime.ImportModuleError", 'python = ".venv"'),
        (
            "from os import sep",
            "app_of_test.handler",
            "Runtime.HandlerNotFound",
            "defines no function",
        ),
        ("def a(): ...", "app_of_test.handler", "Runtime.HandlerNotFound", "it has a"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, handler: str, kind: str, says: str
) -> None:
    (tmp_path / "app_of_test.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "app_of_test", raising=False)
    with pytest.raises(LoadError) as caught:
        load(handler, str(tmp_path), "/their/code")
    assert caught.value.kind == kind
    assert says in str(caught.value)


def test_a_callable_object_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app_of_test2.py").write_text(
        "import functools\nhandler = functools.partial(max, 1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert load("app_of_test2.handler", str(tmp_path), "")(2, 3) == 3
