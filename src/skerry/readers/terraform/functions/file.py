"""Functions that read files, below the folder where Terraform would run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

from skerry.base.finding import Place
from skerry.readers.terraform.evaluate import Evaluator, Scope
from skerry.readers.terraform.parse import parse_template
from skerry.readers.terraform.syntax import Source, SyntaxFault
from skerry.readers.terraform.trace import VARIABLE
from skerry.readers.terraform.value import Names, Wrong, mapping, text

Reader = Callable[[Evaluator, object], object]


def content(at: Evaluator, name: object) -> bytes:
    """A file's bytes. Raises Wrong."""
    return at.scope.read(located(at, name))


def located(at: Evaluator, name: object) -> Path:
    """Where a file is."""
    return at.scope.folder / Path(text(name)).expanduser()


def decoded(found: bytes, name: object) -> str:
    """UTF-8 text. Raises Wrong."""
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise Wrong(
            "{0} is no UTF-8 text", "filebase64() reads any file", (Names([text(name)]),)
        ) from None


def read(at: Evaluator, name: object) -> object:
    """file."""
    found = decoded(content(at, name), name)
    at.scope.trace.touch(VARIABLE)  # what a file holds is no more to be quoted than a variable
    return found


def exists(at: Evaluator, name: object) -> object:
    """fileexists."""
    return located(at, name).is_file()


def read_base64(at: Evaluator, name: object) -> object:
    """filebase64."""
    found = base64.b64encode(content(at, name)).decode()
    at.scope.trace.touch(VARIABLE)  # as above
    return found


def file_set(at: Evaluator, folder: object, pattern: object) -> object:
    """fileset: names below the folder."""
    start = located(at, folder)
    return sorted(
        path.relative_to(start).as_posix() for path in start.glob(text(pattern)) if path.is_file()
    )


def digest(name: str, form: Callable[[bytes], str]) -> Reader:
    """filemd5, filesha256, filebase64sha256 and their like."""

    def of(at: Evaluator, path: object) -> object:
        return form(hashlib.new(name, content(at, path), usedforsecurity=False).digest())

    return of


class Variables:
    """The scope of a template file: what was handed over and nothing else."""

    def __init__(self, outer: Scope, names: dict[str, object]) -> None:
        self.folder = outer.folder
        self.trace = outer.trace
        self.read = outer.read
        self.names = names

    def name(self, name: str, place: Place) -> object:
        """A variable of the template. Raises Wrong."""
        if name not in self.names:
            raise Wrong(f"the template uses `{name}`, which it was not given")
        return self.names[name]


def template(at: Evaluator, name: object, variables: object) -> object:
    """templatefile."""
    source = Source(at.scope.trace.instead or text(name), decoded(content(at, name), name))
    try:
        parsed = parse_template(source)
    except SyntaxFault as fault:
        place = source.place(fault.at)
        raise Wrong(f"{place}: {fault.message}", fault.hint) from None
    scope = Variables(at.scope, mapping(variables))
    found = Evaluator(scope, source).joined(parsed)
    at.scope.trace.touch(VARIABLE)  # as above
    return found
