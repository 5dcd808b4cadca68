"""Commands of skerry as the person who watches would type them: from the folder that the tour was started in."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path.cwd()


def near(path):
    """A path as it is written from here: relative where it lies below."""
    inside = os.path.relpath(path, HERE)
    return shlex.quote(str(path) if inside.startswith("..") else inside)


def skerry(*words, project=None):
    """A command line. project: the folder that it is about, for commands that take it by `--at`."""
    known = shutil.which("skerry")
    beside = Path(sys.executable).with_name("skerry")
    if known:
        name = "skerry"
    elif beside.exists():
        name = near(beside)
    else:
        name = f"{shlex.quote(sys.executable)} -m skerry.cli.main"
    there = f" --at {near(project)}" if project is not None and Path(project) != HERE else ""
    return f"{name} {' '.join(words)}{there}"


def run(line):
    """Run a line as it stands there; what it prints. Raises OSError where it fails, with its words."""
    ran = subprocess.run(
        line, shell=True, cwd=HERE, capture_output=True, text=True, timeout=60, check=False
    )
    if ran.returncode:
        raise OSError(f"`{line}` ended with {ran.returncode}:\n{ran.stderr.strip()}")
    return ran.stdout
