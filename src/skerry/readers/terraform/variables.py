"""Values for variables: TF_VAR_…, terraform.tfvars, *.auto.tfvars, and what the caller gives, the last one winning."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path

from skerry.base.finding import Place
from skerry.readers.report import Report
from skerry.readers.terraform import syntax as s
from skerry.readers.terraform.evaluate import Evaluator, Fault
from skerry.readers.terraform.functions.encoding import from_json
from skerry.readers.terraform.parse import parse, parse_expression
from skerry.readers.terraform.trace import VARIABLE, Trace
from skerry.readers.terraform.value import Wrong, ordered
from skerry.readers.terraform.value import plain as shortest

Input = Callable[[], object]


class Constants:
    """The scope of a value file: no names at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trace = Trace(VARIABLE)  # whatever stands here is a variable's value

    def name(self, name: str, place: Place) -> object:
        """Nothing has a name here. Raises Wrong."""
        raise Wrong(
            "{0}: a value for a variable cannot refer to anything",
            "strings stand in double quotes",
            (name,),
        )

    def read(self, path: Path) -> bytes:
        """No functions read files here. Raises Wrong."""
        raise Wrong("a value for a variable cannot read files")


def collect(
    folder: Path, given: Mapping[str, object], environment: Mapping[str, str], report: Report
) -> dict[str, Input]:
    """Variable → its value, computed when asked for."""
    found: dict[str, Input] = {}
    for name, text in environment.items():
        if name.startswith("TF_VAR_"):
            found[name.removeprefix("TF_VAR_")] = partial(from_text, folder, text)
    files = [folder / "terraform.tfvars", folder / "terraform.tfvars.json"]
    files += sorted([*folder.glob("*.auto.tfvars"), *folder.glob("*.auto.tfvars.json")])
    for file in files:
        if file.is_file():
            found.update(from_file(file, report))
    for name, value in given.items():
        found[name] = partial(plain, value)
    return found


def plain(value: object) -> object:
    """TOML's or a caller's values as Terraform has them."""
    if isinstance(value, float):
        return shortest(Decimal(repr(value)))
    if isinstance(value, dict):
        return ordered((str(key), plain(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    return str(value)


def from_text(folder: Path, text: str) -> object:
    """A value from the environment: an expression where it looks like a list or map, else the text itself."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    source = s.Source("TF_VAR", text)
    try:
        return Evaluator(Constants(folder), source).value(parse_expression(source))
    except (Fault, s.SyntaxFault):
        return text


def from_file(file: Path, report: Report) -> dict[str, Input]:
    """A .tfvars or .tfvars.json file."""
    name = report.read(file)
    try:
        text = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        report.add(
            "terraform.unreadable", "error", Place(name), f"the file cannot be read: {error}"
        )
        return {}
    if file.suffix == ".json":
        try:
            return {
                key: partial(from_json, value)
                for key, value in json.loads(text, parse_float=Decimal).items()
            }
        except (ValueError, AttributeError) as error:
            report.add("terraform.syntax", "error", Place(name), f"this is no JSON object: {error}")
            return {}
    source = s.Source(name, text)
    body, faults = parse(source)
    for fault in faults:  # its message may quote what stands there, which is part of a value
        report.add(
            "terraform.syntax",
            "error",
            source.place(fault.at),
            "what stands here cannot be read as a value of a variable",
            'strings stand in double quotes: name = "value"',
        )
    for block in body.blocks:
        report.add("terraform.misplaced", "error", block.place, "a value file has no blocks")
    evaluator = Evaluator(Constants(file.parent), source)
    return {name: partial(evaluator.value, found.value) for name, found in body.attributes.items()}
