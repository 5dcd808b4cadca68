"""Proving at a real launcher under the real init: good, bad, mended, and a launcher that is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec

from skerry.control.client import Client
from skerry.functions.known import VERSIONS_KEPT
from skerry.spec.function import Function
from skerry.spec.pop import Local, Pop
from skerry.spec.project import Project
from tests.support.node import eventually, running, settings_for

GOOD = "def handler(event, context):\n    return event\n"


def write(root: Path) -> None:
    (root / "code").mkdir()
    (root / "code" / "app.py").write_text(GOOD)
    function = Function("f", str(root / "code"), "app.handler")
    made = Project("", "shop", functions=(function,), local=Local(pops=(Pop("us-east", "iad"),)))
    (root / "skerry.toml").write_bytes(msgspec.json.encode(made))


def test_a_bad_save_keeps_the_version_and_says_where(tmp_path: Path) -> None:
    write(tmp_path)
    with (
        running(settings_for(tmp_path), real=("skerry.functions",)) as node,
        Client(tmp_path) as control,
    ):

        def version() -> str:
            return str(control.ask("state")["functions"][0]["version"])

        def errors() -> list[dict[str, object]]:
            return [each for each in control.ask("state")["findings"] if each["level"] == "error"]

        first = version()
        assert len(first) == 32
        app = tmp_path / "code" / "app.py"
        app.write_text("import nowhere\n" + GOOD)
        eventually(errors, "the finding")
        (finding,) = errors()
        assert finding["code"] == "function.init_failed"
        assert "nowhere" in str(finding["message"])
        assert version() == first
        os.kill(node.pid("launcher"), signal.SIGKILL)
        app.write_text(GOOD + "# mended\n")
        eventually(lambda: version() != first, "the new version, by the next launcher")
        assert errors() == []
        for number in range(6):
            app.write_text(GOOD + f"# save {number}\n")
            before = version()
            eventually(lambda before=before: version() != before, "the next version")
        frozen = {entry.name for entry in (tmp_path / ".skerry" / "functions").iterdir()}
        assert len(frozen) == VERSIONS_KEPT
        assert f"f-{version()}" in frozen
