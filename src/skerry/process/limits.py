"""Limits that the kernel holds a worker to: the lowest rung of the ladder, on every machine."""

from __future__ import annotations

import ctypes
import resource
import threading
from dataclasses import dataclass

MIB = 1024 * 1024
UNLIMITED = resource.RLIM_INFINITY


@dataclass(frozen=True)
class Limits:
    """Soft equals hard for each, so that a worker cannot raise one again.

    address_bytes   address space: what turns a memory hog into a MemoryError
    cpu_s           of the worker's whole life: a backstop behind deadlines, which the engine keeps
    file_bytes      of one file (the kernel knows no sum); Lambda's /tmp is 512 MB
    open_files      Lambda's own quota
    processes       and threads of the uid, 0: not set (a shared uid would count the operator's too)
    """

    address_bytes: int
    cpu_s: int
    file_bytes: int = 512 * MIB
    open_files: int = 1024
    processes: int = 0


# A worker of an hour's computing is renewed; a debugger may hold one for as long as it wants.
CPU_S_MAX = 3600
# Interpreter, shim and libraries take 40 MB of address space before the handler's first byte, and wheels
# map far more than they touch: below 256 MB imports fail that work on Lambda, which counts touched pages.
ADDRESS_MB_MIN = 256
ADDRESS_MB_OVERHEAD = 64
THREAD_STACK_BYTES = 2 * MIB
_M_ARENA_MAX = -8  # mallopt(3)


def limits_of(memory_mb: int, *, debug: bool, own_uid: bool) -> Limits:
    """A worker's limits by its function's memory. Pure.

    debug: no limit on time, and room for a debugger, which loads more code than most handlers.
    """
    address_mb = max(ADDRESS_MB_MIN, memory_mb + ADDRESS_MB_OVERHEAD)
    return Limits(
        address_bytes=UNLIMITED if debug else address_mb * MIB,
        cpu_s=UNLIMITED if debug else CPU_S_MAX,
        processes=1024 if own_uid else 0,
    )


def spend_little_address_space() -> None:
    """Once, in the image of all workers: make threads cheap under a limit on address space.

    glibc reserves 64 MB for the first allocation of each thread and 8 MB for its stack: sixteen threads
    would not start in a function of 128 MB, which on Lambda, where touched pages count, they do. One arena
    costs nothing under the GIL; 2 MB hold Python's whole recursion limit.
    """
    threading.stack_size(THREAD_STACK_BYTES)
    mallopt = getattr(
        ctypes.CDLL(None), "mallopt", None
    )  # musl has no arenas, and no such function
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def apply(limits: Limits) -> None:
    """Hold this process to them. Raises OSError or ValueError: then it must not run the guest's code."""
    rows = [
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_AS, limits.address_bytes),
    ]
    if limits.processes:
        rows.append((resource.RLIMIT_NPROC, limits.processes))
    for kind, value in rows:
        _, hard = resource.getrlimit(kind)
        if hard != UNLIMITED and (value == UNLIMITED or value > hard):
            value = hard  # the machine's own is tighter, and only root could raise it
        resource.setrlimit(kind, (value, value))
