"""Make a child whose parent is our parent.

A worker made by plain fork dies with the launcher, or survives it as a stray. With CLONE_PARENT init is
its parent from birth: the launcher has no children, reaps nothing, and may be killed with calls in flight.

The old `clone` call, not `clone3`: container filters answer clone3 with ENOSYS, and refuse an exit signal
together with CLONE_PARENT. The exit signal is the launcher's own, SIGCHLD, since init forked it plainly.
"""

from __future__ import annotations

import ctypes
import os
import platform
from dataclasses import dataclass

from skerry.process.pidfd import open_pidfd
from skerry.process.prctl import tid_address

CLONE_PIDFD = 0x00001000
CLONE_PARENT = 0x00008000
CLONE_CHILD_CLEARTID = 0x00200000
CLONE_CHILD_SETTID = 0x01000000
SIGCHLD = 17

_CALL_NUMBERS = {"x86_64": 56, "aarch64": 220}
_MACHINE = platform.machine()

# PyDLL keeps the GIL across the call: the child must own it, or its first bytecode waits for ever.
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_pythonapi = ctypes.pythonapi


@dataclass(frozen=True)
class Child:
    """pid 0: this is the child. pidfd: close-on-exec, -1 in the child."""

    pid: int
    pidfd: int


def clone_sibling() -> Child:
    """Like os.fork, but the child's parent is our parent. Raises OSError.

    The caller must be single-threaded and its parent must reap. Python's at-fork hooks run (they reseed
    `random`, reset locks); C libraries' pthread_atfork handlers do not, which is right only in a process
    of one thread.
    """
    number = _CALL_NUMBERS.get(_MACHINE)
    if number is None:
        return fork_twice()
    pidfd = ctypes.c_int(-1)
    flags = CLONE_PARENT | CLONE_PIDFD | SIGCHLD
    # glibc's own fork has the kernel write the child's thread id into its cache; without it the cache says
    # the launcher's, which recursive mutexes compare.
    tid = tid_address()
    if tid:
        flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID
    zero = ctypes.c_void_p(0)
    # clone(flags, stack, parent_tid, child_tid, tls) on x86-64; aarch64 has tls before child_tid (clone(2)).
    child_tid = ctypes.c_void_p(tid)
    last_two = (child_tid, zero) if _MACHINE == "x86_64" else (zero, child_tid)
    parent_tid = ctypes.c_void_p(ctypes.addressof(pidfd))  # CLONE_PIDFD stores the pidfd here
    _pythonapi.PyOS_BeforeFork()
    pid = _libc.syscall(ctypes.c_long(number), ctypes.c_ulong(flags), zero, parent_tid, *last_two)
    if pid == 0:
        _pythonapi.PyOS_AfterFork_Child()
        return Child(pid=0, pidfd=-1)
    code = ctypes.get_errno()
    _pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(code, os.strerror(code))
    return Child(pid=pid, pidfd=pidfd.value)


def fork_twice() -> Child:
    """The same by two forks, where clone cannot be called: init must be a subreaper.

    The grandchild waits until the middle process is gone, so that it never sees a parent but init (the
    death signal it is about to ask for belongs to the parent of that moment).
    """
    told_read, told_write = os.pipe()
    go_read, go_write = os.pipe()
    middle = os.fork()
    if middle == 0:
        try:
            pid = os.fork()
            if pid:
                os.write(told_write, str(pid).encode())
                os._exit(0)
        except OSError:
            os._exit(1)
        for number in (told_read, told_write, go_write):
            os.close(number)
        os.read(go_read, 1)  # a byte, or the end of a launcher that died: both mean go on
        os.close(go_read)
        return Child(pid=0, pidfd=-1)
    os.close(told_write)
    os.close(go_read)
    try:
        os.waitpid(middle, 0)
        told = os.read(told_read, 32)
        if not told:
            raise OSError(11, "the second fork failed")
        pid = int(told)
        pidfd = open_pidfd(pid)
        os.write(go_write, b"g")
        return Child(pid=pid, pidfd=pidfd)
    finally:
        os.close(told_read)
        os.close(go_write)
