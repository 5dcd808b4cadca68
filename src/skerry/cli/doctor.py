"""`skerry doctor`: named checks of this machine and of the run, each failure with what to do."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import click

DISK_BYTES_MIN = 500 * 1024 * 1024
DESCRIPTORS_MIN = 4096
PDEATHSIG_KERNEL = (
    5,
    4,
)  # pidfd_open came with 5.3; 5.4 is the oldest long-term kernel that has it


@dataclass(frozen=True)
class Check:
    """What was looked at. todo: empty where it is good."""

    name: str
    good: bool
    found: str
    todo: str = ""


@click.command("doctor")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(path: Path, as_json: bool) -> None:
    """Check kernel, descriptors, disk, interpreter, ports, processes and logs; exit 2 when one fails."""
    root = path.resolve()
    checks = [check(root) for check in CHECKS]
    if as_json:
        click.echo(json.dumps({"checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            click.echo(f"{'passed' if check.good else 'FAILED'}  {check.name:<12} {check.found}")
            if check.todo:
                click.echo(f"        {'':<12} {check.todo}")
    if not all(check.good for check in checks):
        sys.exit(2)


def kernel(_root: Path) -> Check:
    release = os.uname().release
    numbers = tuple(int(word) for word in release.split("-")[0].split(".")[:2] if word.isdigit())
    good = sys.platform == "linux" and numbers >= PDEATHSIG_KERNEL
    return Check(
        "kernel", good, f"{os.uname().sysname} {release}", "" if good else "use Linux 5.4 or newer"
    )


def descriptors(_root: Path) -> Check:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    good = hard == resource.RLIM_INFINITY or hard >= DESCRIPTORS_MIN
    return Check(
        "descriptors",
        good,
        f"hard limit {hard}",
        "" if good else f"raise it: ulimit -Hn {DESCRIPTORS_MIN}",
    )


def disk(root: Path) -> Check:
    from skerry.base.units import format_bytes

    free = shutil.disk_usage(root).free
    good = free >= DISK_BYTES_MIN
    return Check(
        "disk",
        good,
        f"{format_bytes(free)} free",
        "" if good else f"make room on the disk of {root}",
    )


def core(_root: Path) -> Check:
    from importlib.util import find_spec

    found = find_spec("skerry._native")
    good = found is not None
    return Check(
        "core",
        good,
        str(found.origin) if found else "missing",
        "" if good else "build it: make demo",
    )


def interpreter(_root: Path) -> Check:
    """Functions get users of their own only where those can read the interpreter."""
    if os.geteuid() != 0:
        return Check("interpreter", True, f"{sys.executable}; not root, functions share your user")
    prefix = Path(sys.base_prefix)
    shut = next(
        (each for each in (prefix, *prefix.parents) if not each.stat().st_mode & 0o001), None
    )
    if shut is None:
        return Check("interpreter", True, f"{sys.base_prefix}, readable by functions' own users")
    # It works, so it is no failure: the ladder falls back to the same user and says so as a finding too.
    return Check(
        "interpreter",
        True,
        f"{shut} is closed to other users: functions share yours (use an interpreter outside of it to change that)",
    )


def project(root: Path) -> Check:
    from skerry.base.errors import ConfigError
    from skerry.functions.lint import lint
    from skerry.readers import project as reader

    try:
        found = reader.read(root)
    except ConfigError as error:
        return Check("project", False, error.message, error.hint)
    wrong = [*found.findings, *(each for one in found.functions for each in lint(one, root))]
    errors = len({each.message for each in wrong if each.level == "error"})
    todo = "`skerry check` lists them" if errors else ""
    told = "1 error" if errors == 1 else f"{errors} errors"
    return Check("project", not errors, f"{found.name}, {told}", todo)


def run(root: Path) -> Check:
    from skerry.cli.status import parts
    from skerry.node import lock

    folder = root / ".skerry" / "run"
    pid = lock.holder(folder) if folder.is_dir() else None
    if pid is None:
        return Check("run", True, "nothing runs")
    rows = parts(root)
    bad = [str(row["process"]) for row in rows if row["state"] != "ready"]
    restarts = sum(int(str(row["restarts"])) for row in rows)
    found = f"pid {pid}, {len(rows)} parts, {restarts} restarts" + (
        f", not ready: {', '.join(bad)}" if bad else ""
    )
    return Check("run", not bad, found, "look into .skerry/log/node.log" if bad else "")


def logs(root: Path) -> Check:
    """A disk may have been full for a while, and nobody looked."""
    from skerry.base.errors import SkerryError
    from skerry.cli.status import lost_lines
    from skerry.control.client import Client

    try:
        with Client(root, timeout_s=2.0) as control:
            engines = control.ask("status")["engines"]
    except SkerryError:
        return Check("logs", True, "nothing runs that could lose a line")
    lost = {each["pop"]: lost_lines(each.get("status", {})) for each in engines}
    if not any(lost.values()):
        return Check("logs", True, "no line lost since the engines started")
    told = ", ".join(f"{count} at {pop}" for pop, count in lost.items() if count)
    todo = "make room on the disk of .skerry/log; node.log there says what could not be written"
    return Check("logs", False, f"lines lost since the engines started: {told}", todo)


def ports(root: Path) -> Check:
    import socket

    from skerry.base.errors import ConfigError
    from skerry.node import lock, prepare
    from skerry.node.listeners import BindError, bind_tcp
    from skerry.readers import project as reader

    folder = root / ".skerry" / "run"
    if folder.is_dir() and lock.holder(folder) is not None:
        return Check("ports", True, "held by the run")
    try:
        pops = prepare.all_pops(reader.read(root))
    except ConfigError:
        return Check("ports", True, "no project to take them from")
    ranges = {"http": [pop.http_port for pop in pops], "https": [pop.https_port for pop in pops]}
    wanted = {kind: numbers for kind, numbers in ranges.items() if any(numbers)}
    opened: list[socket.socket] = []
    try:
        prepare.settled(pops)
        for kind, numbers in wanted.items():
            for pop, port in zip(pops, numbers, strict=True):
                what = f"{kind} of {pop.name}"
                opened.append(bind_tcp("127.0.0.1", port, what=what, key=f"{kind}_port"))
    except (BindError, ConfigError) as error:
        return Check("ports", False, error.message, error.hint)
    finally:
        for listener in opened:
            listener.close()
    told = " and ".join(f"{numbers[0]}–{numbers[-1]} ({kind})" for kind, numbers in wanted.items())
    return Check("ports", True, f"{told} are free")


CHECKS: tuple[Callable[[Path], Check], ...] = (
    kernel,
    descriptors,
    disk,
    core,
    interpreter,
    project,
    ports,
    run,
    logs,
)
