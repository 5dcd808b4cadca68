"""The papers at the front of the house say what they have to say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from skerry import __version__
from tests.support import tree

PAPERS = ["README", "ARCHITECTURE", "CONTRIBUTING", "CHANGELOG", "SECURITY"]
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#)([^)#\s]+)[^)]*\)")


def paper(name: str) -> str:
    """One of them."""
    return tree.text(Path(f"{name}.md"))


def test_they_are_there() -> None:
    assert all(len(paper(name)) > 200 for name in PAPERS)


def test_the_changelog_has_room_for_the_next_line() -> None:
    assert re.search(r"^## Unreleased$", paper("CHANGELOG"), re.MULTILINE)


def test_security_tells_of_every_listener() -> None:
    parts = Path("src/skerry/node/parts.py")
    if parts not in tree.files():
        return  # nothing listens yet; from the day the node is there, this test holds the page to it
    from skerry.node.parts import PARTS  # type: ignore[import-not-found]  # see above

    listeners = {name for part in PARTS for name in part.listens}
    rows = set(re.findall(r"^\| `([a-z]+)` \|", paper("SECURITY"), re.MULTILINE))
    assert listeners <= rows, f"SECURITY.md says nothing of {sorted(listeners - rows)}"


def test_the_architecture_names_every_room() -> None:
    rooms = {
        name.parts[2] for name in tree.having(".py", under="src/skerry") if len(name.parts) > 3
    }
    crates = {name.parts[1] for name in tree.having(".rs", under="crates")}
    missing = [room for room in sorted(rooms | crates) if f"`{room}`" not in paper("ARCHITECTURE")]
    assert not missing, missing


def test_the_makefile_s_entry_points_are_told() -> None:
    told = subprocess.run(
        ["make", "-s", "help"], cwd=tree.ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in re.findall(r"^make (\w+)", told, re.MULTILINE):
        assert re.search(rf"^{name}:", tree.text(Path("Makefile")), re.MULTILINE)
        assert f"make {name}" in paper("CONTRIBUTING"), name


def test_no_link_leads_nowhere() -> None:
    broken = [
        f"{name}: {target}"
        for name in tree.having(".md")
        for target in LINK.findall(tree.text(name))
        if not (tree.ROOT / name.parent / target).exists()
    ]
    assert not broken, "\n".join(broken)


def test_one_version() -> None:
    cargo = re.search(r'^version = "([^"]+)"', tree.text(Path("Cargo.toml")), re.MULTILINE)
    assert cargo is not None
    assert cargo[1] == __version__
