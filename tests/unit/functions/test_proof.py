"""Prepare, prove, reject: against a real launcher."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from skerry.base.finding import Place
from skerry.functions import proof
from skerry.functions.known import VERSIONS_KEPT
from skerry.functions.proof import Proved, Rejected, prepare
from skerry.process import identity
from skerry.process.ladder import climb
from skerry.spec.function import Function
from tests.support.launcher_house import LauncherHouse

GOOD = "def handler(event, context):\n    return 'good'\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "lambda").mkdir()
    (tmp_path / "lambda" / "app.py").write_text(GOOD)
    return tmp_path


def run(house: LauncherHouse, project: Path, **more: object) -> Proved | Rejected:
    function = Function("request", str(project / "lambda"), "app.handler")
    return prepare(
        function,
        project,
        project / "frozen",
        house.client,
        **more,  # type: ignore[arg-type]  # a test's shorthand
    )


def test_a_good_save_replaces_and_the_old_version_still_loads(
    house: LauncherHouse, project: Path
) -> None:
    first = run(house, project)
    assert isinstance(first, Proved)
    (project / "lambda" / "app.py").write_text(GOOD.replace("good", "better"))
    second = run(house, project)
    assert isinstance(second, Proved)
    assert first.definition.version != second.definition.version
    for proved, value in ((first, "good"), (second, "better")):
        worker = house.lease("request", proved.definition.version)
        assert worker.start().kind == "returned"
        assert worker.call({}).value == value
        worker.close()


def test_ready_well_within_200_ms_of_a_save(house: LauncherHouse, project: Path) -> None:
    run(house, project)
    times = []
    for number in range(5):
        (project / "lambda" / "app.py").write_text(GOOD.replace("good", str(number)))
        began = time.monotonic()
        assert isinstance(run(house, project), Proved)
        times.append(time.monotonic() - began)
    assert sorted(times)[2] < 0.1


@pytest.mark.parametrize(
    ("text", "code", "line", "says"),
    [
        ("def handler(:\n", "function.syntax_error", 1, "invalid syntax"),
        (
            "x = 1\ny = {}['k']\ndef handler(e, c): ...\n",
            "function.init_failed",
            2,
            "KeyError: 'k'",
        ),
        (
            "import nothing_here\ndef handler(e, c): ...\n",
            "function.init_failed",
            0,
            "'nothing_here'",
        ),
        (
            "import os\nos._exit(1)\ndef handler(e, c): ...",
            "function.init_failed",
            0,
            "ended while",
        ),
        ("from os import sep as handler\n", "function.init_failed", 0, "is str, not a function"),
    ],
)
def test_a_bad_save_is_rejected_with_its_place(
    house: LauncherHouse, project: Path, text: str, code: str, line: int, says: str
) -> None:
    (project / "lambda" / "app.py").write_text(text)
    verdict = run(house, project)
    assert isinstance(verdict, Rejected)
    (finding,) = verdict.findings
    assert finding.code == code
    assert says in finding.message
    assert finding.hint == "the version before it keeps serving; save again when it is mended"
    if line:
        assert isinstance(finding.where, Place)
        assert (finding.where.file, finding.where.line) == ("lambda/app.py", line)


def test_a_way_out_stands_before_what_keeps_serving(house: LauncherHouse, project: Path) -> None:
    (project / "lambda" / "app.py").write_text("def handle(event, context): ...\n")
    verdict = run(house, project)
    assert isinstance(verdict, Rejected)
    assert verdict.findings[0].hint.startswith("did you mean 'handle'? the version before it keeps")


def test_what_it_printed_is_shown(house: LauncherHouse, project: Path) -> None:
    (project / "lambda" / "app.py").write_text(
        "print('reading settings')\n1 / 0\ndef handler(e, c): ...\n"
    )
    verdict = run(house, project)
    assert isinstance(verdict, Rejected)
    assert "reading settings" in verdict.output
    assert f'File "{project}/lambda/app.py", line 2' in verdict.output


def test_a_handler_that_never_finishes_loading(
    house: LauncherHouse, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "INIT_S_MAX", 0.3)
    (project / "lambda" / "app.py").write_text("while True: pass\n")
    verdict = run(house, project)
    assert isinstance(verdict, Rejected)
    assert "did not finish loading" in verdict.findings[0].message


def test_a_version_that_was_proved_is_not_proved_again(house: LauncherHouse, project: Path) -> None:
    first = run(house, project)
    assert isinstance(first, Proved)
    assert first.init_ms > 0
    for number in range(5):  # the launcher forgets the first
        (project / "lambda" / "app.py").write_text(GOOD + f"# {number}\n")
        run(house, project)
    (project / "lambda" / "app.py").write_text(GOOD)
    again = run(house, project, proved={first.definition.version})
    assert again == msgspec.structs.replace(first, init_ms=0.0, findings=())
    worker = house.lease("request", first.definition.version)
    assert worker.start().kind == "returned"
    worker.close()


def test_under_a_debugger_the_code_runs_where_it_is_written(
    house: LauncherHouse, project: Path
) -> None:
    verdict = run(house, project, in_place=True)
    assert isinstance(verdict, Proved)
    assert verdict.definition.source == str(project / "lambda")


def test_shared_user_is_said_once_for_all(house: LauncherHouse, project: Path) -> None:
    verdict = run(house, project)
    assert isinstance(verdict, Proved)
    # pytest's folders are private, so no other user can be had here, root or not
    assert [(f.code, f.level, f.where) for f in verdict.findings] == [
        ("function.shared_user", "note", "functions")
    ]


@pytest.mark.parametrize(
    ("root", "unreadable", "way_out"),
    [
        (False, "", "only as root"),
        (True, "/srv/private", "outside of a private home"),
        (True, "", "a range of uids"),
    ],
)
def test_each_cause_has_its_own_way_out(root: bool, unreadable: str, way_out: str) -> None:
    offered = identity.offer("f", "/p", root=root, mapped=[], unreadable=unreadable)
    (found,) = proof._of_sandbox(climb("auto", offered).said)
    assert way_out in found.hint


def test_bad_saves_do_not_push_out_the_good_version(house: LauncherHouse, project: Path) -> None:
    good = run(house, project)
    assert isinstance(good, Proved)
    for number in range(VERSIONS_KEPT + 1):
        (project / "lambda" / "app.py").write_text(f"import nowhere_{number}\n{GOOD}")
        assert isinstance(run(house, project), Rejected)
    assert good.definition.version in house.client.versions()
    worker = house.lease("request", good.definition.version)
    assert worker.start().kind == "returned"
    worker.close()
