"""A function's own user, where this machine lets it have one; else that it is said aloud, or refused."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.base.errors import CodeError
from skerry.process.identity import first_unreadable
from tests.support.launcher_house import LauncherHouse

POSSIBLE = os.geteuid() == 0 and not first_unreadable(
    [f"{sys.base_prefix}/bin", str(Path(os.__file__).parent)]
)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="sk-"))
    made.chmod(0o755)  # pytest's own folders are private
    yield made
    shutil.rmtree(made)


@pytest.fixture
def own(folder: Path, request: pytest.FixtureRequest) -> Iterator[LauncherHouse]:
    house = LauncherHouse(folder, SKERRY_SANDBOX=getattr(request, "param", "auto"))
    yield house
    house.close()


def code(folder: Path, text: str) -> Path:
    (folder / "code").mkdir(mode=0o755, exist_ok=True)
    (folder / "code" / "app.py").write_text(text)
    (folder / "code" / "app.py").chmod(0o644)
    return folder / "code"


def test_who_a_handler_is(own: LauncherHouse, folder: Path) -> None:
    (folder / "secret").write_text("ours")
    (folder / "secret").chmod(0o600)
    source = code(
        folder,
        "import os\n"
        "def attempt(act):\n    try: act()\n    except OSError as e: return e.strerror\n    return 'done'\n"
        "def handler(event, context):\n"
        f"    return {{'uid': os.getuid(), 'read': attempt(lambda: open({str(folder / 'secret')!r})),\n"
        "            'kill': attempt(lambda: os.kill(event, 0)), 'groups': os.getgroups(),\n"
        f"            'write': attempt(lambda: open({str(folder / 'code' / 'x')!r}, 'w'))}}\n",
    )
    rows = own.client.define(
        [{"name": "f", "version": "v", "source": str(source), "handler": "app.handler"}]
    )
    worker = own.lease("f", "v")
    worker.start()
    found = worker.call(os.getpid()).value
    worker.close()
    if POSSIBLE:
        assert rows[0] == {
            "function": "f",
            "version": "v",
            "rung": "T1-uid",
            "said": "",
            "new": True,
        }
        assert found == {
            "uid": found["uid"],
            "read": "Permission denied",
            "kill": "Operation not permitted",
            "groups": [],
            "write": "Permission denied",
        }
        assert found["uid"] >= 50_000
    else:
        assert rows[0]["rung"] == "T0"
        assert "functions run as Skerry's own user" in rows[0]["said"]
        assert found["uid"] == os.getuid()


@pytest.mark.parametrize("own", ["T0"], indirect=True)
def test_a_named_lower_rung_is_taken_without_a_word(own: LauncherHouse, folder: Path) -> None:
    source = code(folder, "import os\ndef handler(e, c): return os.getuid()\n")
    row = {"name": "f", "version": "v", "source": str(source), "handler": "app.handler"}
    assert own.client.define([row])[0]["said"] == ""
    worker = own.lease("f", "v")
    worker.start()
    assert worker.call({}).value == os.getuid()
    worker.close()


@pytest.mark.parametrize(
    ("own", "says"),
    [("T1-uid", "no user of its own"), ("T2", "not built yet"), ("best", "no sandbox 'best'")],
    indirect=["own"],
)
def test_a_named_rung_that_cannot_be_had_fails_closed(
    own: LauncherHouse, folder: Path, says: str
) -> None:
    source = code(folder, "def handler(e, c): return 1\n")
    source.chmod(0o700)  # no other user can read it
    row = {"name": "f", "version": "v", "source": str(source), "handler": "app.handler"}
    assert says in own.client.define([row])[0]["said"]
    with pytest.raises(CodeError, match=says) as caught:
        own.lease("f", "v")
    assert caught.value.code == "function.sandbox_refused"
