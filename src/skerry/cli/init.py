"""`skerry init`: write skerry.toml from what is found."""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from skerry.base.errors import ConfigError
from skerry.readers import project
from skerry.readers.resources.origin import key
from skerry.readers.settings import FILE
from skerry.spec.distribution import Origin

DISTRIBUTION = re.compile(r'^\s*resource\s+"aws_cloudfront_distribution"', re.MULTILINE)
HANDLER = re.compile(r"^def (\w+)\(\s*event\b[^)]*,\s*\w+[^)]*\)", re.MULTILINE)
ASIDE = frozenset({"node_modules", "target", "dist", "build"})
SITES = ("site", "public", "www", "static", "dist", "build", "out")
CODE = ("lambda", "lambdas", "functions", "handlers", "src")
DEPTH_MAX = 4
FILE_BYTES_MAX = 1_000_000


@click.command("init")
@click.argument("path", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--dry-run", is_flag=True, help="Print the file instead of writing it.")
def command(path: Path, dry_run: bool) -> int:
    """Write a skerry.toml from what is in the folder.

    It names the Terraform that is read, a line for each origin that has to be somewhere while you
    develop, and a table for each function whose code could not be found.
    """
    file = path / FILE
    if file.exists() and not dry_run:
        raise ConfigError(
            "init.exists",
            f"{file} is there already",
            hint="`skerry check` says what it lacks; `skerry init --dry-run` shows what would be written",
        )
    try:
        text = draft(path)
    except ConfigError as error:
        if error.code != "project.not_found":
            raise
        raise ConfigError(
            "init.nothing",
            f"there is no Terraform with a distribution in {path.resolve()}, nor below it",
            hint="give the folder that has it: `skerry init FOLDER`",
            about=error.about,
        ) from error
    if dry_run:
        sys.stdout.write(text)
        return 0
    file.write_text(text, encoding="utf-8")
    where = "" if path.resolve() == Path.cwd() else f" {shlex.quote(str(path))}"
    sys.stderr.write(f"wrote {file}\nnext: skerry check{where}\n")
    return 0


def draft(root: Path) -> str:
    """The file's text."""
    folders = sorted({folder.relative_to(root).as_posix() for folder in terraform_folders(root)})
    lines = ["format = 1", f'name = "{root.resolve().name}"']
    if folders and folders != ["."]:
        lines.append(f"reads = [{', '.join(quoted(folder) for folder in folders)}]")
    functions: list[str] = []
    variables: list[str] = []
    origins: dict[str, Origin | None] = {}
    for folder in folders or ["."]:
        found, report = project.examine(root / folder, environment={})
        functions += [name for name in report.wanted("function") if name not in functions]
        variables += [name for name in report.wanted("variable") if name not in variables]
        for name in report.wanted("origin"):
            origins.setdefault(name, None)
        for distribution in found.distributions:
            origins.update({one.id: one for one in distribution.origins})
    for name in functions:
        lines += ["", f"[function.{key(name)}]", *function_lines(root, name)]
    if variables:
        lines += ["", "[local]"]
        values = ", ".join(f'{name} = "dev"' for name in variables)
        lines.append(f"vars = {{ {values} }}")
    if origins:
        lines += ["", '# Where origins are while you develop: a folder, a URL, or "live".']
        lines.append("[local.origin]")
        lines += [origin_line(root, name, one) for name, one in origins.items()]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def terraform_folders(root: Path) -> Iterator[Path]:
    """Folders with a distribution in them."""
    for file in files(root, ".tf"):
        if DISTRIBUTION.search(file.read_text(encoding="utf-8", errors="replace")):
            yield file.parent


def files(root: Path, suffix: str) -> Iterator[Path]:
    """Files of a kind, not too deep, not in what tools have made."""
    waiting = [(root, 0)]
    while waiting:
        folder, depth = waiting.pop(0)
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and not entry.name.startswith(".") and entry.name not in ASIDE:
                if depth < DEPTH_MAX and not entry.is_symlink():
                    waiting.append((entry, depth + 1))
            elif (
                entry.suffix == suffix and entry.is_file() and entry.stat().st_size < FILE_BYTES_MAX
            ):
                yield entry


def function_lines(root: Path, name: str) -> list[str]:
    """source and handler: the best guess there is, said to be one."""
    handlers: dict[str, tuple[str, str]] = {}
    for file in files(root, ".py"):
        folder = file.parent.relative_to(root).as_posix()
        for found in HANDLER.findall(file.read_text(encoding="utf-8", errors="replace")):
            handlers.setdefault(f"{file.stem} {found}", (folder, f"{file.stem}.{found}"))
    if not handlers:
        folder = next((one for one in CODE if (root / one).is_dir()), "lambda")
        return [f'source = "{folder}"  # the folder with the code', 'handler = "app.handler"']
    near = nearest(name, list(handlers))
    folder, handler = handlers[near]
    note = (
        ""
        if len(handlers) == 1
        else "  # a guess: others are "
        + ", ".join(other for _, other in handlers.values() if other != handler)
    )
    return [f"source = {quoted(folder)}", f"handler = {quoted(handler)}{note}"]


def nearest(name: str, handlers: list[str]) -> str:
    """The handler that is most likely meant: of the same name, else the one that is just `handler`."""
    for wanted in (name, ""):
        for handler in handlers:
            if handler.split(" ")[1].removesuffix("handler").strip("_") == wanted:
                return handler
    return (difflib.get_close_matches(name, handlers, 1, 0.1) or handlers)[0]


def origin_line(root: Path, name: str, origin: Origin | None) -> str:
    """One line of [local.origin]; a comment where nothing can be proposed that is there."""
    if origin is None or origin.kind == "custom":
        host = f"  # {origin.domain}" if origin is not None else ""
        return f'# {key(name)} = "http://127.0.0.1:9000"{host}'
    site = next((one for one in SITES if (root / one).is_dir()), None)
    return f'{key(name)} = "./{site}"' if site else f'# {key(name)} = "./site"'
