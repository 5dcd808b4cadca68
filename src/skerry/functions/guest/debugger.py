"""A debugger for handlers: `breakpoint()` on a terminal, or debugpy from the project's own environment.

A worker has no terminal (its input is the null device, its output two pipes). With `skerry up
--no-deadline` (SKERRY_DEBUG=1) calls wait as long as they want, code runs from the folder it was written
in, so that a breakpoint's path holds, and:

- pdb: in a second terminal type `tty; sleep infinity`, start with SKERRY_DEBUG_TTY set to the path that
  it printed, and write `breakpoint()` into the handler. The prompt appears in that second terminal.
- debugpy: install it into the environment that `python = ".venv"` names, and at the top of the handler
  `import debugpy; debugpy.listen(("127.0.0.1", 5678)); debugpy.wait_for_client()`. One worker at a time
  can have the port: send one request at a time.
"""

from __future__ import annotations

import os
import sys


def attach_terminal(path: str) -> None:
    """Let `breakpoint()` talk to the terminal at `path`.

    The launcher has made it the worker's input where it could: a worker under a user of its own may not open it.
    """
    held = os.dup(0) if os.isatty(0) else None  # before user code, which may close its input

    def stop() -> None:
        import pdb  # late: 20 modules that no worker needs but one under a debugger

        # O_NOCTTY: a session leader that opens a terminal would take it over from its shell
        number = os.dup(held) if held is not None else os.open(path, os.O_RDWR | os.O_NOCTTY)
        terminal_in = os.fdopen(os.dup(number), "r")
        terminal_out = os.fdopen(number, "w")
        pdb.Pdb(stdin=terminal_in, stdout=terminal_out).set_trace(sys._getframe(1))

    sys.breakpointhook = stop
