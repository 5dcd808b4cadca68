"""What init tells a launcher, by environment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from skerry.base import environment


@dataclass(frozen=True)
class Settings:
    """What init tells a launcher.

    token_digest   SHA-256 of the token: workers are copies of this memory and need not find it
    state_dir      where definitions are kept for the next launcher; None: nowhere
    scope          the project's folder: with a function's name it decides the function's uid
    """

    token_digest: bytes
    state_dir: Path | None = None
    scope: str = ""
    guest_packages: str = ""
    sandbox: str = "auto"
    debug: bool = False
    debug_tty: str = ""

    @classmethod
    def read(cls, source: Mapping[str, str] | None = None) -> Settings:
        """From the environment, or from `source`. Raises ValueError, OSError: without a token nobody may be served."""
        part = orjson.loads(environment.read("SKERRY_PART", "{}", source=source))
        state_dir = Path(part["state_dir"]) if part.get("state_dir") else None
        token = environment.read("SKERRY_LAUNCHER_TOKEN", source=source)
        if not token and state_dir is not None:
            token = (state_dir / "run" / "launcher.token").read_text().strip()
        if not token:
            raise ValueError("no token: neither SKERRY_LAUNCHER_TOKEN nor STATE/run/launcher.token")
        return cls(
            token_digest=hashlib.sha256(token.encode()).digest(),
            state_dir=state_dir,
            scope=part.get("root", ""),
            guest_packages=environment.read("SKERRY_GUEST_PACKAGES", source=source),
            sandbox=environment.read("SKERRY_SANDBOX", "auto", source=source),
            debug=environment.flag("SKERRY_DEBUG", source=source),
            debug_tty=environment.read("SKERRY_DEBUG_TTY", source=source),
        )
