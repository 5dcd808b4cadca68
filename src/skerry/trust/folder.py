"""The TLS folder of a project: all that its engines need for TLS, kept fresh by one call.

An engine is told the folder (`tls_dir`) and reads from it `NAME.crt` with `NAME.key` for each distribution and
`tickets`. Whoever runs engines calls `furnish` before they start, when aliases change, and once an hour, and
lets engines read again where it says that something changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skerry.trust import authority, certificate, ticket
from skerry.trust.authority import Authority


@dataclass(frozen=True)
class Furnished:
    """What the folder holds now. renewed: names of certificates made anew; rotated: the ticket keys changed."""

    authority: Authority
    renewed: tuple[str, ...]
    rotated: bool

    @property
    def changed(self) -> bool:
        """Whether engines must read again."""
        return bool(self.renewed) or self.rotated


def furnish(
    folder: Path,
    wanted: Mapping[str, Sequence[str]],
    *,
    ca_folder: Path,
    owner: str,
    now_s: float,
    random_bytes: Callable[[int], bytes],
) -> Furnished:
    """Make or renew whatever is due.

    wanted        a distribution's id → its aliases
    ca_folder     `authority.data_folder` of the user
    owner         `user@machine`, for the name of a CA that has to be made
    random_bytes  `os.urandom`
    Raises ConfigError where the CA cannot be used.
    """
    now = authority.utc(now_s)
    ca = authority.ensure(ca_folder, owner, now)
    renewed = certificate.provide(folder, ca, wanted, now)
    return Furnished(ca, tuple(renewed), ticket.refresh(folder, now_s, random_bytes))
