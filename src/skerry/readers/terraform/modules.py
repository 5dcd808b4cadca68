"""Modules: a folder's files as one body, and what the names in it mean.

Values are computed when they are asked for and then kept: a local that nothing uses can be wrong and never hurt,
and a variable without a value is no problem before something needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from skerry.base.finding import Place, Severity
from skerry.readers.report import Report
from skerry.readers.terraform import syntax as s
from skerry.readers.terraform.attributes import Instance, expand
from skerry.readers.terraform.evaluate import Evaluator, Fault
from skerry.readers.terraform.parse import parse
from skerry.readers.terraform.trace import SENSITIVE, VARIABLE, Trace
from skerry.readers.terraform.types import convert
from skerry.readers.terraform.value import Names, Namespace, Unknown, Wrong, ordered

ASK_TERRAFORM = "run `terraform plan -out=p && terraform show -json p > plan.json` and name plan.json in `reads`"
Key = TypeVar("Key")
DEPTH_MAX = 16  # modules that call themselves


class Module:
    """One module. path: names of the calls that lead to it; folder: where its files are; root: of the whole run.

    trace: shared by all modules of a run.
    """

    def __init__(
        self,
        report: Report,
        folder: Path,
        root: Path,
        path: tuple[str, ...] = (),
        inputs: Mapping[str, Callable[[], object]] | None = None,
        files: list[Path] | None = None,
        trace: Trace | None = None,
    ) -> None:
        self.report = report
        self.trace = trace or Trace()
        self.own_folder = folder
        self.folder = root
        self.path = path
        self.inputs = inputs or {}
        self.faulty = False
        self.variables: dict[str, s.Block] = {}
        self.locals: dict[str, s.Attribute] = {}
        self.outputs: dict[str, s.Block] = {}
        self.calls: dict[str, s.Block] = {}
        self.resources: dict[tuple[str, str, str], s.Block] = {}  # mode, type, name
        self.providers: list[s.Block] = []
        self._values: dict[str, object] = {}
        self._instances: dict[tuple[str, str, str], object] = {}
        self._children: dict[str, object] = {}
        self._busy: set[str] = set()
        for file in files if files is not None else terraform_files(folder):
            self.load(file)

    # Reading

    def load(self, file: Path) -> None:
        """Take one file in."""
        source = open_source(self.report.read(file), file)
        if isinstance(source, str):
            self.faulty = True
            self.report.add("terraform.unreadable", "error", Place(self.report.name(file)), source)
            return
        body, faults = parse(source)
        for fault in faults:
            self.report.add(
                "terraform.syntax", "error", source.place(fault.at), fault.message, fault.hint
            )
        self.faulty = self.faulty or bool(faults)
        for attribute in body.attributes.values():
            self.report.add(
                "terraform.misplaced",
                "error",
                attribute.place,
                f"`{attribute.name}` stands outside of any block",
                "values belong into a .tfvars file, or into `locals { … }`",
            )
        for block in body.blocks:
            self.enter(block)

    def enter(self, block: s.Block) -> None:
        """One top-level block."""
        labels = block.labels
        wanted = {
            "resource": 2,
            "data": 2,
            "variable": 1,
            "output": 1,
            "module": 1,
            "provider": 1,
            "locals": 0,
        }
        if block.kind not in wanted:
            if block.kind not in ("terraform", "moved", "removed", "import", "check", "ephemeral"):
                self.report.add(
                    "terraform.unknown_block",
                    "error",
                    block.place,
                    f"Terraform has no block `{block.kind}`",
                )
            return
        if len(labels) != wanted[block.kind]:
            self.report.add(
                "terraform.syntax",
                "error",
                block.place,
                f"a `{block.kind}` block has {wanted[block.kind]} labels, this has {len(labels)}",
            )
            self.faulty = True
            return
        if block.kind == "locals":
            self.locals.update(block.body.attributes)
        elif block.kind == "provider":
            self.providers.append(block)
        elif block.kind in ("resource", "data"):
            mode = "managed" if block.kind == "resource" else "data"
            self.once(self.resources, (mode, labels[0], labels[1]), block)
        else:
            into = {"variable": self.variables, "output": self.outputs, "module": self.calls}
            self.once(into[block.kind], labels[0], block)

    def once(self, into: dict[Key, s.Block], key: Key, block: s.Block) -> None:
        """Nothing is declared twice."""
        if key in into:
            first = into[key].place
            self.report.add(
                "terraform.declared_twice",
                "error",
                block.place,
                f"{block.kind} {'.'.join(block.labels)} is declared twice",
                f"the first one stands at {first}",
            )
            return
        into[key] = block

    # Names

    def evaluator(self, source: s.Source, names: Mapping[str, object] | None = None) -> Evaluator:
        """Evaluates in this module."""
        return Evaluator(self, source, names)

    def value(
        self,
        attribute: s.Attribute,
        names: Mapping[str, object] | None = None,
        level: Severity = "error",
    ) -> object:
        """An argument's value; what Terraform would refuse becomes a finding and an unknown."""
        try:
            with self.trace.part():
                return self.evaluator(attribute.source, names).value(attribute.value)
        except Fault as fault:
            self.report.add("terraform.expression", level, fault.place, fault.message, fault.hint)
            return Unknown(attribute.name, str(fault.place), "failed", fault.place)
        except RecursionError:
            self.report.add(
                "terraform.expression",
                "error",
                attribute.place,
                "this expression is nested too deeply",
            )
            return Unknown(attribute.name, str(attribute.place), "failed", attribute.place)

    def read(self, path: Path) -> bytes:
        """A file for a function. Raises Wrong."""
        try:
            content = path.read_bytes()
        except OSError as error:
            name = self.report.name(path)
            raise Wrong(
                f"{{0}} cannot be read: {error.strerror}", values=(Names([name]),)
            ) from None
        self.report.read(path)
        return content

    def name(self, name: str, place: Place) -> object:
        """What the first name of a reference means. Raises Wrong."""
        if name == "var":
            return Namespace("var", self.variable)
        if name == "local":
            return Namespace("local", self.local)
        if name == "module":
            return Namespace("module", self.module)
        if name == "data":
            return Namespace(
                "data", lambda kind, _: Namespace(f"data.{kind}", self.resource_of("data", kind))
            )
        if name == "path":
            return Namespace("path", self.path_of)
        if name == "terraform":
            return Namespace("terraform", self.terraform)
        if name in ("each", "count", "self"):
            raise Wrong(
                f"`{name}` means nothing here", "it is known where for_each or count is set"
            )
        return Namespace(name, self.resource_of("managed", name))

    def kept(self, key: str, compute: Callable[[], object]) -> object:
        """A value that is computed once. Raises Wrong where it needs itself."""
        if key not in self._values:
            if key in self._busy:
                raise Wrong(f"`{key}` needs itself")
            self._busy.add(key)
            try:
                return self.trace.kept(self._values, key, compute)
            finally:
                self._busy.discard(key)
        return self.trace.kept(self._values, key, compute)

    def variable(self, name: str, place: Place) -> object:
        """var.NAME."""
        return self.kept(f"var.{name}", lambda: self._variable(name, place))

    def _variable(self, name: str, place: Place) -> object:
        block = self.variables.get(name)
        given = self.inputs.get(name)
        # What a module is given counts as what its caller made it of.
        if not self.path:
            self.trace.touch(VARIABLE)
        if block is not None and (says(block, "sensitive") or says(block, "ephemeral")):
            self.trace.touch(SENSITIVE)
        if block is None:
            if given is None:
                return Unknown(
                    f"var.{name}",
                    f"var.{name}",
                    "undeclared",
                    place,
                    hint=f'declare it: variable "{name}" {{ type = string }}',
                )
            self.report.add(
                "terraform.undeclared_variable",
                "warning",
                place,
                f"var.{name} is used and given a value, but declared nowhere: Terraform would refuse it",
                f'declare it: variable "{name}" {{ type = string }}',
                "Terraform: Input Variables",
                about=f"var.{name}",
            )
            return given()
        attributes = block.body.attributes
        if given is not None:
            value = given()
        elif "default" in attributes:
            value = self.evaluator(block.source).value(attributes["default"].value)
        else:
            return Unknown(
                f"var.{name}",
                f"var.{name}",
                "no_value",
                block.place,
                f"the variable {name} has no value",
                f'give it one in skerry.toml: [local] vars = {{ {name} = "…" }}, or in terraform.tfvars',
            )
        if "type" not in attributes:
            return value
        try:
            return convert(value, attributes["type"].value)
        except Wrong as wrong:
            raise Wrong(f"the value of var.{name} does not fit its type: {wrong.message}") from None

    def local(self, name: str, place: Place) -> object:
        """local.NAME."""
        attribute = self.locals.get(name)
        if attribute is None:
            return Unknown(f"local.{name}", f"local.{name}", "undeclared", place)
        return self.kept(
            f"local.{name}", lambda: self.evaluator(attribute.source).value(attribute.value)
        )

    def path_of(self, name: str, place: Place) -> object:
        """path.module, path.root, path.cwd."""
        if name == "module":
            try:
                return self.own_folder.relative_to(self.folder).as_posix()
            except ValueError:
                return self.own_folder.as_posix()
        if name in ("root", "cwd"):
            return "." if name == "root" else self.folder.as_posix()
        raise Wrong(f"there is no path.{name}", "there are path.module, path.root and path.cwd")

    def terraform(self, name: str, place: Place) -> object:
        """terraform.workspace."""
        if name == "workspace":
            return "default"
        raise Wrong(f"there is no terraform.{name}")

    # Resources

    def resource_of(self, mode: str, kind: str) -> Callable[[str, Place], object]:
        """TYPE.NAME."""

        def find(name: str, place: Place) -> object:
            found = self.instances(mode, kind, name)
            if found is not None:
                return found
            address = f"{'data.' if mode == 'data' else ''}{kind}.{name}"
            return Unknown(address, self.full(address), "undeclared", place)

        return find

    def full(self, address: str) -> str:
        """The address with the module's in front."""
        return ".".join([*(f"module.{step}" for step in self.path), address])

    def instances(self, mode: str, kind: str, name: str) -> object:
        """What a reference to a resource yields: one, a list (count), a map (for_each), an unknown, or None."""
        key = (mode, kind, name)
        block = self.resources.get(key)
        if block is None:
            return None
        address = self.full(f"{'data.' if mode == 'data' else ''}{kind}.{name}")
        return self.trace.kept(self._instances, key, lambda: self.make(block, address))

    def make(self, block: s.Block, address: str) -> object:
        """The instances of a block."""
        found = expand(self, block, address)
        if isinstance(found, Unknown):
            return found
        shape, keys = found
        made = [
            (key, Instance(self, block, address + suffix, names)) for key, suffix, names in keys
        ]
        if shape == "one":
            return made[0][1].reference()
        if shape == "list":
            return [instance.reference() for _, instance in made]
        return ordered((str(key), instance.reference()) for key, instance in made)

    @property
    def region(self) -> str:
        """The region of the provider that has no alias, as far as it is known."""
        for block in self.providers:
            attributes = block.body.attributes
            if block.labels == ("aws",) and "region" in attributes and "alias" not in attributes:
                try:
                    with self.trace.part():
                        found = self.evaluator(block.source).value(attributes["region"].value)
                except Fault:
                    return "us-east-1"
                return found if isinstance(found, str) else "us-east-1"
        return "us-east-1"

    # Child modules

    def children(self, name: str) -> object:
        """A Module, a list or map of them, or an unknown that says why not."""
        return self.trace.kept(self._children, name, lambda: self.open(name, self.calls[name]))

    def open(self, name: str, block: s.Block) -> object:
        """Load what a module call names."""
        address = self.full(f"module.{name}")
        source = block.body.attributes.get("source")
        with self.trace.part():
            where = self.value(source) if source is not None else None
            told = self.trace.instead or where
        place = source.place if source is not None else block.place
        if not isinstance(where, str) or not where.startswith(("./", "../")):
            return Unknown(
                f"module.{name}",
                address,
                "unsupported",
                place,
                f'the module "{name}" comes from elsewhere ({told or "no source"}); only local ones (./…) are read',
                ASK_TERRAFORM,
            )
        folder = (self.own_folder / where).resolve()
        if not folder.is_dir():
            return Unknown(f"module.{name}", address, "failed", place, f"there is no folder {told}")
        if len(self.path) >= DEPTH_MAX:
            return Unknown(
                f"module.{name}", address, "failed", place, "modules are nested too deeply"
            )
        found = expand(self, block, address)
        if isinstance(found, Unknown):
            return found
        shape, keys = found
        made = [
            (key, self.child(name + suffix, folder, block, names)) for key, suffix, names in keys
        ]
        if shape == "one":
            return made[0][1]
        return [child for _, child in made] if shape == "list" else dict(made)

    def child(self, step: str, folder: Path, block: s.Block, names: Mapping[str, object]) -> Module:
        """One instance of a child module. Its inputs are computed here, when they are asked for."""
        inputs: dict[str, Callable[[], object]] = {}
        for attribute in block.body.attributes.values():
            if attribute.name in (
                "source",
                "version",
                "providers",
                "depends_on",
                "count",
                "for_each",
            ):
                continue
            evaluator = self.evaluator(attribute.source, names)
            inputs[attribute.name] = partial(evaluator.value, attribute.value)
        child = Module(
            self.report, folder, self.folder, (*self.path, step), inputs, trace=self.trace
        )
        for name in inputs:
            if name not in child.variables:
                self.report.add(
                    "terraform.unknown_argument",
                    "error",
                    block.body.attributes[name].place,
                    f'the module "{block.labels[0]}" has no variable "{name}"',
                )
        return child

    def module(self, name: str, place: Place) -> object:
        """module.NAME."""
        if name not in self.calls:
            return Unknown(f"module.{name}", self.full(f"module.{name}"), "undeclared", place)
        found = self.children(name)
        if isinstance(found, Unknown):
            return found
        if isinstance(found, Module):
            return found.outside(name)
        if isinstance(found, list):
            return [child.outside(name) for child in found]
        return (
            {key: child.outside(name) for key, child in found.items()}
            if isinstance(found, dict)
            else found
        )

    def outside(self, name: str) -> Namespace:
        """The module as its caller sees it: outputs."""

        def output(key: str, place: Place) -> object:
            block = self.outputs.get(key)
            if block is None or "value" not in block.body.attributes:
                raise Wrong(
                    f'the module "{name}" has no output "{key}"',
                    f"it has: {', '.join(self.outputs) or 'none'}",
                )
            attribute = block.body.attributes["value"]
            if says(block, "sensitive"):
                self.trace.touch(SENSITIVE)
            return self.kept(
                f"output.{key}", lambda: self.evaluator(attribute.source).value(attribute.value)
            )

        return Namespace(f"module.{name}", output, lambda: Namespace(f"module.{name}", output))


def says(block: s.Block, name: str) -> bool:
    """Is `name = true` in the block? What is not literally false counts as true."""
    attribute = block.body.attributes.get(name)
    if attribute is None:
        return False
    return not (
        isinstance(attribute.value, s.Literal) and attribute.value.value in (False, "false")
    )


def open_source(name: str, file: Path) -> s.Source | str:
    """A file's text, or why it cannot be read."""
    try:
        return s.Source(name, file.read_bytes().decode())
    except OSError as error:
        return f"the file cannot be read: {error.strerror}"
    except UnicodeDecodeError:
        return "the file is no UTF-8 text"


def terraform_files(folder: Path) -> list[Path]:
    """A module's files, in the order in which Terraform reads them."""
    return sorted(path for path in folder.glob("*.tf") if path.is_file() and not overrides(path))


def overrides(path: Path) -> bool:
    """Files that replace parts of others."""
    return path.stem == "override" or path.stem.endswith("_override")
