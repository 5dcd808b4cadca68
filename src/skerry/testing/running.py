"""A project that runs: the processes of `skerry up`, on free ports, in a folder of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any  # Any: control's answers are JSON

from skerry.base.errors import CallerError
from skerry.control.client import Client
from skerry.node.prepare import prepare
from skerry.node.settings import NodeSettings
from skerry.node.start import Starting
from skerry.pop.compile import Ports
from skerry.pop.records import Logs, Record
from skerry.testing import ports
from skerry.testing.viewer import Answer, ask
from skerry.trust import authority

START_S = 60.0
LEFT_OUT = (".skerry", ".git", "node_modules", ".terraform", "__pycache__", ".pytest_cache")
SETTINGS = "skerry.toml"


class Running:
    """A running project.

    root      its folder: a copy, which the test may edit (a save is taken as under `skerry up`)
    findings  what there was to say at the start, as (code, level, place in words)
    """

    def __init__(self, starting: Starting, settings: NodeSettings) -> None:
        self.root = Path(settings.root)
        self._starting = starting
        self._ports = {pop.name: Ports(pop.http_port, pop.https_port) for pop in settings.pops}
        self._ca = ca_of(os.environ)  # noqa: TID251 - handed on as a whole, not read
        self.pops = tuple(self._ports)
        self.findings: list[tuple[str, str, str]] = [
            (each["code"], each["level"], place(each["where"]))
            for each in self.ask("state")["findings"]
        ]

    def get(self, path: str, **how: Any) -> Answer:  # Any: `request` has the types
        """GET; `request` says what else can be told."""
        return self.request("GET", path, **how)

    def request(
        self,
        method: str,
        path: str,
        *,
        pop: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        host: str = "localhost",
        tls: bool = True,
    ) -> Answer:
        """One request to a PoP, the first where none is named."""
        at = self._ports[pop or self.pops[0]]
        with_tls = tls and at.https != 0
        return ask(
            at.https if with_tls else at.http,
            path,
            method=method,
            headers=headers,
            body=body,
            host=host,
            ca=self._ca if with_tls else None,
        )

    def port(self, pop: str = "", *, tls: bool = True) -> int:
        """Where a PoP listens, for a client of the test's own."""
        at = self._ports[pop or self.pops[0]]
        return at.https if tls else at.http

    @property
    def ca(self) -> Path:
        """The certificate authority that signed what the PoPs show."""
        return self._ca

    def purge(self, *paths: str) -> None:
        """Purge everywhere and return when every PoP has it; everything where no path is named."""
        self.ask("purge", paths=paths, all=not paths)

    def ask(self, op: str, **more: object) -> dict[str, Any]:
        """An op of control, as the command line asks it: `status`, `explain_request`, `explain_url`, …"""
        with Client(self.root) as control:
            return control.ask(op, **more)

    def logs(self) -> list[Record]:
        """Requests and what functions printed, of all PoPs, by time. Engines write them within a second."""
        return Logs(self.root / ".skerry" / "log").new()

    def skerry(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`skerry WORDS` in the project's folder, as a person would run it."""
        return subprocess.run(
            [sys.executable, "-m", "skerry.cli.main", *words],
            cwd=self.root,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=START_S,
            check=False,
        )

    def stop(self) -> None:
        """End it in order. Twice does no harm."""
        self._starting.stop()


def run(
    folder: Path,
    into: Path,
    *,
    replace: Mapping[str, str] | None = None,
    level: str | None = None,
    pops: int | None = None,
) -> Running:
    """Copy a project into a folder that is not there yet, and start it.

    replace  texts of skerry.toml → what stands there in the test: an origin's address, mostly. Each must be there
    level    instead of the project's own
    pops     only the first so many
    Raises ConfigError with every finding that forbids to serve it.
    """
    shutil.copytree(folder, into, ignore=shutil.ignore_patterns(*LEFT_OUT))
    exchange(into / SETTINGS, replace or {})
    chosen = (str(pops),) if pops else ()
    settings = prepare(into, level, chosen, port_of=free_ports())
    starting = Starting(settings)
    try:
        starting.wait("up", START_S)
        return Running(starting, settings)
    except BaseException:  # whatever went wrong, nobody else would stop it
        starting.stop()
        raise


def exchange(file: Path, texts: Mapping[str, str]) -> None:
    """Put texts of the settings into others' place. Raises CallerError for one that is not there."""
    if not texts:
        return
    settings = file.read_text()
    for old, new in texts.items():
        if old not in settings:
            raise CallerError(
                "testing.nothing_to_replace",
                f"{SETTINGS} has no {old!r}",
                hint="`replace` names a text of skerry.toml as it stands there",
                about=old,
            )
        settings = settings.replace(old, new)
    file.write_text(settings)


def free_ports() -> Callable[[int, str], Ports]:
    """Each PoP's listeners somewhere free."""

    def port_of(_number: int, _name: str) -> Ports:
        plain, secure = ports.free(2)
        return Ports(plain, secure)

    return port_of


def ca_of(variables: Mapping[str, str]) -> Path:
    """The file of the user's local CA."""
    return authority.data_folder(variables) / authority.CERTIFICATE


def place(where: str | dict[str, Any]) -> str:
    """A finding's place in words."""
    if isinstance(where, str):
        return where
    return f"{where['file']}:{where['line']}" if where.get("line") else str(where["file"])
