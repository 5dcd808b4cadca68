"""Make the checkout importable in its own environment, without building a package.

Run by the environment's Python: writes `skerry.pth` (the checkout's src) and the script `skerry`
beside the interpreter. An editable install would compile the Rust core a second time to say the same.
"""

import site
import sys
from pathlib import Path

SRC = Path(__file__).resolve().parent.parent / "src"
# -s keeps the user's own site-packages out: what runs is what is pinned
SCRIPT = """#!{python} -s
import sys

from skerry.cli.main import main

sys.exit(main())
"""


def link() -> None:
    """Write both files."""
    (Path(site.getsitepackages()[0]) / "skerry.pth").write_text(f"{SRC}\n")
    script = Path(sys.executable).parent / "skerry"
    script.write_text(SCRIPT.format(python=sys.executable))
    script.chmod(0o755)


if __name__ == "__main__":
    link()
