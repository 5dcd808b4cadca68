"""The run's TLS folder: made before init binds, kept fresh while it runs.

Engines read the folder when they start. Where something in it has changed, init is asked to replace them
one by one (HUP): the newcomer reads it anew while the old one finishes, and nobody is refused.
"""

from __future__ import annotations

import getpass
import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path

from skerry.base.clock import Clock
from skerry.spec.project import Project

REFRESH_S = 3600.0  # how often ticket keys and certificates are looked at


def furnish(project: Project, folder: Path, clock: Clock, variables: Mapping[str, str]) -> bool:
    """Make or renew what is due for the project's aliases; whether engines must read again.

    Raises ConfigError where the user's CA cannot be used.
    """
    from skerry.trust import authority
    from skerry.trust import folder as tls_folder  # loads `cryptography`: only where it is needed

    return tls_folder.furnish(
        folder,
        {each.id: each.aliases for each in project.distributions},
        ca_folder=authority.data_folder(variables),
        owner=f"{getpass.getuser()}@{socket.gethostname()}",
        now_s=clock.now_s(),
        random_bytes=os.urandom,
    ).changed


def ask_for_swap() -> None:
    """Have init replace every engine. Control is init's child, and ends with it."""
    os.kill(os.getppid(), signal.SIGHUP)
