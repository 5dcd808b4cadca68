"""What init tells a launcher, by environment."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson


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
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """From the environment. Raises ValueError, OSError: without a token nobody may be served."""
        part = orjson.loads(environment.get("SKERRY_PART") or "{}")
        state_dir = Path(part["state_dir"]) if part.get("state_dir") else None
        token = environment.get("SKERRY_LAUNCHER_TOKEN", "")
        if not token and state_dir is not None:
            token = (state_dir / "run" / "launcher.token").read_text().strip()
        if not token:
            raise ValueError("no token: neither SKERRY_LAUNCHER_TOKEN nor STATE/run/launcher.token")
        return cls(
            token_digest=hashlib.sha256(token.encode()).digest(),
            state_dir=state_dir,
            scope=part.get("root", ""),
            guest_packages=environment.get("SKERRY_GUEST_PACKAGES", ""),
            sandbox=environment.get("SKERRY_SANDBOX", "auto"),
            debug=environment.get("SKERRY_DEBUG", "") not in ("", "0"),
            debug_tty=environment.get("SKERRY_DEBUG_TTY", ""),
        )
