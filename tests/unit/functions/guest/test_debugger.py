"""`breakpoint()` in a handler, answered by a person at another terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import tempfile
from pathlib import Path

from skerry.functions.guest import frames
from tests.support.launcher_house import LauncherHouse


def test_breakpoint_reaches_the_terminal_it_was_told_of() -> None:
    person, terminal = pty.openpty()
    folder = Path(tempfile.mkdtemp(prefix="sk-"))
    house = LauncherHouse(folder, SKERRY_DEBUG="1", SKERRY_DEBUG_TTY=os.ttyname(terminal))
    (folder / "app.py").write_text(
        "import resource\ndef handler(event, context):\n    answer = 1\n    breakpoint()\n"
        "    return [answer, resource.getrlimit(resource.RLIMIT_CPU)[0]]\n"
    )
    worker = house.lease("f", house.define("f", folder))
    try:
        assert worker.start().kind == "returned"
        context = json.dumps({"request_id": "r", "deadline_ms": 0}).encode()
        worker.lease.socket.sendall(frames.encode_invoke(1, context, b"{}"))
        seen = b""
        while b"(Pdb)" not in seen:
            ready, _, _ = select.select([person], [], [], 10)
            assert ready, seen
            seen += os.read(person, 4096)
        assert b"app.py" in seen
        os.write(person, b"answer = 42\ncontinue\n")
        frame = worker.lease.read(10)
        assert frame is not None
        assert json.loads(frame.payload) == [42, -1]  # no limit on time under a debugger
    finally:
        worker.close()
        house.close()
        os.close(person)
        os.close(terminal)
        shutil.rmtree(folder)
