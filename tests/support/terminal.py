"""A terminal of a test's own: a program runs in it as if a person sat there."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.support.wait import until


class Terminal:
    """What a program has written so far stands in `said`; `press` is the keyboard."""

    def __init__(self, process: subprocess.Popen[bytes], number: int, keyboard: int) -> None:
        self.process = process
        self._number = number
        self._keyboard = keyboard
        self._said = b""

    @property
    def said(self) -> str:
        """All that was written, with plain line ends."""
        while select.select([self._number], [], [], 0)[0]:
            try:
                data = os.read(self._number, 65536)
            except OSError as error:
                if error.errno == errno.EIO:  # nobody holds the other end any more
                    break
                raise
            if not data:
                break
            self._said += data
        return self._said.decode(errors="replace").replace("\r\n", "\n")

    def press(self, keys: str) -> None:
        """Type them."""
        os.write(self._number, keys.encode())

    def until(self, condition: Callable[[str], object], what: str, within_s: float = 20.0) -> str:
        """Wait for something on the screen; all that was said by then."""

        def seen() -> bool:
            return bool(condition(self.said))

        try:
            until(seen, within_s=within_s, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said}") from None
        return self.said

    def hang_up(self) -> None:
        """Close the window: whoever runs in it gets SIGHUP, and can write no more."""
        with Path(os.devnull).open("r+b") as nothing:
            os.dup2(nothing.fileno(), self._number, inheritable=False)

    def is_plain(self) -> bool:
        """Whether it takes whole lines and shows what is typed, as a shell left it to a program."""
        modes = termios.tcgetattr(self._keyboard)[3]
        return bool(modes & termios.ICANON) and bool(modes & termios.ECHO)

    def end(self) -> str:
        """Wait for the program's own end; all that it said."""
        until(lambda: (self.said, self.process.poll() is not None)[1], within_s=20)
        return self.said


@contextlib.contextmanager
def terminal(
    argv: list[str], cwd: Path, env: Mapping[str, str], *, columns: int = 80
) -> Iterator[Terminal]:
    """Run a program in a terminal so wide. It is ended at the end, and what hangs on the terminal is hung up."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {**env, "TERM": "xterm"}
    env.pop("COLUMNS", None)
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(
            0, termios.TIOCSCTTY, 0
        ),  # its own terminal: keys are signals
    ) as process:
        try:
            yield Terminal(process, ours, theirs)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGHUP)  # so that what it has started ends with it
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
            process.kill()
            os.close(ours)
            os.close(theirs)
