"""prctl(2), the few options that tie a process to its parent and take rights from it."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_GET_TID_ADDRESS = 40

# Loaded before any fork: between fork and exec nothing may be imported or looked up.
_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = (
    ctypes.c_int,
    ctypes.c_ulong,
    ctypes.c_ulong,
    ctypes.c_ulong,
    ctypes.c_ulong,
)


def prctl(option: int, value: int) -> None:
    """One option with one argument. Raises OSError."""
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def become_subreaper() -> None:
    """Orphans among our descendants become our children, not pid 1's: they are found and reaped."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent_pid: int, signum: int) -> bool:
    """Get `signum` when the parent ends. False: it has ended already.

    Call it after setuid and setgid, which clear the setting, and from a child of the parent's main
    thread: the signal comes when the *thread* that forked ends (prctl(2), measured).
    """
    prctl(PR_SET_PDEATHSIG, signum)
    return os.getppid() == parent_pid


def gain_nothing() -> None:
    """No exec of this process or its children gains rights (setuid files, file capabilities)."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def set_name(name: str) -> None:
    """What `ps` and `top` show, 15 bytes."""
    text = ctypes.create_string_buffer(name.encode()[:15])
    prctl(PR_SET_NAME, ctypes.addressof(text))


def tid_address() -> int:
    """Where libc keeps the thread id that the kernel writes on clone; 0 where the kernel does not tell."""
    place = ctypes.c_void_p()
    if _libc.prctl(PR_GET_TID_ADDRESS, ctypes.addressof(place), 0, 0, 0) != 0:
        return 0
    return place.value or 0
