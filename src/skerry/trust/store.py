"""Where certificates are believed: the system's store and the browsers' own, told to believe the local CA or not.

Steps are worked out first (pure) and then taken, so that `--dry-run` shows exactly what would be done.
"""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from skerry.trust.authority import CERTIFICATE, KEY, Authority

# The system's store: folder for certificates, command that takes them in (Debian and its kin, Fedora and its kin).
SYSTEM_STORES = (
    (Path("/usr/local/share/ca-certificates"), ("update-ca-certificates",)),
    (Path("/etc/pki/ca-trust/source/anchors"), ("update-ca-trust", "extract")),
)
NSS_NAME = "Skerry local CA"
COMMAND_DEADLINE_S = 60


class Step(msgspec.Struct, frozen=True):
    """One thing to do.

    copy      `source` to `path`       remove  `path` (a missing one is no fault)
    command   run `words`              advice  a person must do it: `words` is what to type, `why` why
    """

    kind: Literal["copy", "remove", "command", "advice"]
    path: str = ""
    source: str = ""
    words: tuple[str, ...] = ()
    why: str = ""

    def __str__(self) -> str:
        if self.kind == "copy":
            return f"copy {self.source} to {self.path}"
        if self.kind == "remove":
            return f"remove {self.path}"
        return " ".join(self.words) + (f"  ({self.why})" if self.why else "")


@dataclass(frozen=True)
class Machine:
    """What matters of the machine. find: path of a program or None. exists: whether a path is there."""

    is_root: bool
    home: Path
    user: str
    find: Callable[[str], str | None]
    exists: Callable[[Path], bool] = Path.exists


def this_machine(variables: Mapping[str, str]) -> Machine:
    """The one this runs on. variables: the process's environment."""
    return Machine(
        is_root=os.geteuid() == 0,
        home=Path(variables.get("HOME", "/")),
        user=getpass.getuser(),
        # Administrators' programs are not on everybody's path.
        find=lambda name: shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin"),
    )


def system_file(folder: Path, user: str) -> Path:
    """The CA's file in a system store: one a user, for two users have two CAs."""
    return folder / f"skerry-{user}.crt"


def steps_to_trust(authority: Authority, machine: Machine) -> list[Step]:
    """What makes this machine believe the CA."""
    steps: list[Step] = []
    for folder, command in system_stores(machine):
        target = system_file(folder, machine.user)
        if machine.is_root:
            steps.append(Step("copy", path=str(target), source=str(authority.path)))
            steps.append(Step("command", words=command))
        else:
            copy = ("sudo", "install", "-m", "644", str(authority.path), str(target))
            steps.append(
                Step(
                    "advice",
                    words=(*copy, "&&", "sudo", *command),
                    why="the system's store is root's",
                )
            )
    databases = nss_databases(machine)
    if databases and machine.find("certutil") is None:
        steps.append(
            Step(
                "advice",
                words=("apt-get", "install", "libnss3-tools"),
                why="browsers' stores need certutil",
            )
        )
        databases = []
    for database in databases:
        words = (
            "certutil",
            "-d",
            f"sql:{database}",
            "-A",
            "-t",
            "C,,",
            "-n",
            NSS_NAME,
            "-i",
            str(authority.path),
        )
        steps.append(Step("command", words=words))
    return steps


def steps_to_untrust(folder: Path, machine: Machine) -> list[Step]:
    """What takes the belief back and removes the CA itself, key first. Works also where the CA is gone or damaged."""
    steps: list[Step] = []
    for stores, command in system_stores(machine):
        target = system_file(stores, machine.user)
        if not machine.exists(target):
            continue
        if machine.is_root:
            steps.append(Step("remove", path=str(target)))
            steps.append(Step("command", words=command))
        else:
            words = ("sudo", "rm", str(target), "&&", "sudo", *command)
            steps.append(Step("advice", words=words, why="the system's store is root's"))
    if machine.find("certutil") is not None:
        for database in nss_databases(machine):
            words = ("certutil", "-d", f"sql:{database}", "-D", "-n", NSS_NAME)
            steps.append(Step("command", words=words, why="a browser's store"))
    return steps + [
        Step("remove", path=str(folder / name))
        for name in (KEY, CERTIFICATE)
        if machine.exists(folder / name)
    ]


def system_stores(machine: Machine) -> list[tuple[Path, tuple[str, ...]]]:
    """Those of this machine: the folder and its command are both there."""
    return [
        (folder, command)
        for folder, command in SYSTEM_STORES
        if machine.exists(folder) and machine.find(command[0]) is not None
    ]


def nss_databases(machine: Machine) -> list[Path]:
    """Databases of Chrome and Firefox that exist; a browser that never ran has none and is not given one."""
    shared = [machine.home / ".pki" / "nssdb"]
    profiles = [
        path.parent
        for base in (".mozilla/firefox", "snap/firefox/common/.mozilla/firefox")
        for path in sorted((machine.home / base).glob("*/cert9.db"))
    ]
    return [path for path in shared if machine.exists(path / "cert9.db")] + profiles


class Taken(msgspec.Struct, frozen=True):
    """A step and how it went. problem: empty where it went well."""

    step: Step
    problem: str = ""


def take(steps: Sequence[Step]) -> list[Taken]:
    """Take the steps in order; one that fails does not stop the others, and is told."""
    return [Taken(step, perform(step)) for step in steps]


def perform(step: Step) -> str:
    """Take one step; what went wrong, or an empty string."""
    try:
        if step.kind == "copy":
            Path(step.path).write_bytes(Path(step.source).read_bytes())
        elif step.kind == "remove":
            Path(step.path).unlink(missing_ok=True)
        elif step.kind == "command":
            return run(step.words)
    except OSError as error:
        return str(error)
    return ""


def run(words: Sequence[str]) -> str:
    """Run a command that may take a minute; its complaint, or an empty string."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=COMMAND_DEADLINE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no end after {COMMAND_DEADLINE_S} s"
    return "" if done.returncode == 0 else (done.stderr.strip() or f"exit code {done.returncode}")
