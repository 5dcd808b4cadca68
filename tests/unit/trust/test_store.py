from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from skerry.trust import authority, store
from skerry.trust.authority import Authority
from skerry.trust.store import Machine, Step

DEBIAN = Path("/usr/local/share/ca-certificates")
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return authority.ensure(tmp_path / "data", "ann@laptop", NOW)


def debian(home: Path, *, root: bool, certutil: bool = False, held: bool = False) -> Machine:
    programs = {"update-ca-certificates", *(["certutil"] if certutil else [])}

    def exists(path: Path) -> bool:
        return (
            path == DEBIAN
            or (held and path.parent == DEBIAN)
            or (home in path.parents and path.exists())
        )

    return Machine(
        root, home, "ann", lambda name: f"/usr/bin/{name}" if name in programs else None, exists
    )


def test_root_copies_and_runs_debians_command(tmp_path: Path, ca: Authority) -> None:
    steps = store.steps_to_trust(ca, debian(tmp_path, root=True))
    assert [str(step) for step in steps] == [
        f"copy {ca.path} to {DEBIAN}/skerry-ann.crt",
        "update-ca-certificates",
    ]


def test_others_are_told_what_to_type(tmp_path: Path, ca: Authority) -> None:
    (step,) = store.steps_to_trust(ca, debian(tmp_path, root=False))
    assert step.kind == "advice"
    assert str(step).startswith(
        f"sudo install -m 644 {ca.path} {DEBIAN}/skerry-ann.crt && sudo update-ca"
    )


def test_browsers_that_have_run_are_told(tmp_path: Path, ca: Authority) -> None:
    for database in (".pki/nssdb", ".mozilla/firefox/abc.default"):
        (tmp_path / database).mkdir(parents=True)
        (tmp_path / database / "cert9.db").touch()
    with_tool = store.steps_to_trust(ca, debian(tmp_path, root=True, certutil=True))
    without = store.steps_to_trust(ca, debian(tmp_path, root=True))
    assert [step.words[2] for step in with_tool[2:]] == [
        f"sql:{tmp_path}/.pki/nssdb",
        f"sql:{tmp_path}/.mozilla/firefox/abc.default",
    ]
    assert [step.kind for step in without[2:]] == ["advice"]


def test_untrust_removes_what_trust_added_and_the_ca(tmp_path: Path, ca: Authority) -> None:
    steps = store.steps_to_untrust(ca.folder, debian(tmp_path, root=True, held=True))
    assert [str(step) for step in steps] == [
        f"remove {DEBIAN}/skerry-ann.crt",
        "update-ca-certificates",
        f"remove {ca.folder}/ca.key",
        f"remove {ca.folder}/ca.crt",
    ]
    asked = store.steps_to_untrust(ca.folder, debian(tmp_path, root=False, held=True))
    assert asked[0].kind == "advice"
    assert store.steps_to_untrust(tmp_path / "none", debian(tmp_path, root=True)) == []


def test_a_step_that_fails_is_told_and_stops_no_other(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_text("ca")
    taken = store.take(
        [
            Step("command", words=("sh", "-c", "echo no room >&2; exit 3")),
            Step("command", words=("/nonexistent/program",)),
            Step("copy", path=str(target), source=str(source)),
            Step("remove", path=str(source)),
            Step("remove", path=str(source)),
            Step("advice", words=("not", "run")),
        ]
    )
    assert [one.problem.split(":")[0] for one in taken] == [
        "no room",
        "[Errno 2] No such file or directory",
        "",
        "",
        "",
        "",
    ]
    assert target.read_text() == "ca"
    assert not source.exists()
