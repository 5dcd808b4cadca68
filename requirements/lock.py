"""Pin the Rust crates without naming a registry.

`rust.lock` is Cargo.lock without its `source` lines. `unpack` completes it to the Cargo.lock that the
local cargo expects, with the source string that this very cargo writes for a crate of its registry;
`pack` is the way back after `cargo update`.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PINNED = HERE / "rust.lock"
CARGO_LOCK = HERE.parent / "Cargo.lock"
SOURCE = re.compile(r'^source = "(registry\+[^"]+)"\n', re.MULTILINE)


def local_source() -> str:
    """The source string cargo writes here, learnt from a throwaway crate with one dependency."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "src").mkdir()
        (scratch / "src" / "lib.rs").touch()
        (scratch / "Cargo.toml").write_text(
            '[package]\nname = "scratch"\nversion = "0.0.0"\nedition = "2021"\n[dependencies]\ncfg-if = "1"\n'
        )
        try:
            subprocess.run(["cargo", "generate-lockfile", "--quiet"], cwd=scratch, check=True)
        except FileNotFoundError:
            raise SystemExit("lock.py: cargo is not on the path; install Rust first") from None
        except subprocess.CalledProcessError:
            raise SystemExit(
                "lock.py: cargo could not ask its registry (see above); is there a network?"
            ) from None
        found = SOURCE.search((scratch / "Cargo.lock").read_text())
        if found is None:
            raise SystemExit(
                "lock.py: cargo wrote no source for a registry crate; is its registry reachable?"
            )
        return found.group(1)


def pack() -> None:
    """Cargo.lock → rust.lock."""
    PINNED.write_text(SOURCE.sub("", CARGO_LOCK.read_text()))


def unpack() -> None:
    """rust.lock → Cargo.lock, unless it already says the same."""
    pinned = PINNED.read_text()
    if CARGO_LOCK.exists() and SOURCE.sub("", CARGO_LOCK.read_text()) == pinned:
        return
    line = f'source = "{local_source()}"\n'
    CARGO_LOCK.write_text(re.sub(r"^(?=checksum = )", lambda _: line, pinned, flags=re.MULTILINE))


if __name__ == "__main__":
    verbs = {"pack": pack, "unpack": unpack}
    if len(sys.argv) != 2 or sys.argv[1] not in verbs:
        raise SystemExit("usage: python requirements/lock.py pack|unpack")
    verbs[sys.argv[1]]()
