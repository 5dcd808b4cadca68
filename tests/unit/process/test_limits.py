from __future__ import annotations

import os
import resource

import pytest

from skerry.process.limits import CPU_S_MAX, MIB, UNLIMITED, Limits, apply, limits_of


@pytest.mark.parametrize(
    ("memory_mb", "debug", "own_uid", "expected"),
    [
        (128, False, False, Limits(256 * MIB, CPU_S_MAX)),
        (512, False, False, Limits(576 * MIB, CPU_S_MAX)),
        (512, False, True, Limits(576 * MIB, CPU_S_MAX, processes=1024)),
        (128, True, False, Limits(UNLIMITED, UNLIMITED)),
    ],
)
def test_limits_of(memory_mb: int, debug: bool, own_uid: bool, expected: Limits) -> None:
    assert limits_of(memory_mb, debug=debug, own_uid=own_uid) == expected


def test_they_hold_and_cannot_be_raised_where_they_are_the_machines() -> None:
    pid = os.fork()
    if pid == 0:
        apply(Limits(1 << 40, 1000, open_files=50))
        good = resource.getrlimit(resource.RLIMIT_NOFILE) == (50, 50)
        # wider than the hard limit: the tighter one stays, root or not
        apply(Limits(UNLIMITED, UNLIMITED, open_files=5000))
        good = good and resource.getrlimit(resource.RLIMIT_NOFILE) == (50, 50)
        good = good and resource.getrlimit(resource.RLIMIT_CPU) == (1000, 1000)
        good = good and resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
