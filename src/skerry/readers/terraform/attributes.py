"""Instances of resources: how many there are (count, for_each), and what their attributes are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from skerry.base.finding import Place
from skerry.readers import quote
from skerry.readers.resources import identity, managed
from skerry.readers.terraform import syntax as s
from skerry.readers.terraform.evaluate import Fault
from skerry.readers.terraform.trace import PLAIN, SENSITIVE, Through
from skerry.readers.terraform.value import Namespace, Set, Unknown, Wrong, whole

if TYPE_CHECKING:  # modules imports this module
    from skerry.readers.terraform.modules import Module

Keys = list[
    tuple[object, str, Mapping[str, object]]
]  # key, suffix of the address, names bound in the block
META = frozenset(
    {
        "count",
        "for_each",
        "provider",
        "providers",
        "depends_on",
        "lifecycle",
        "provisioner",
        "timeouts",
    }
)
INSTANCES_MAX = 1000


def expand(module: Module, block: s.Block, address: str) -> tuple[str, Keys] | Unknown:
    """How many instances a block has: `one`, a `list` or a `map` of them. Raises Fault."""
    attributes = block.body.attributes
    for name in ("count", "for_each"):
        if name not in attributes:
            continue
        attribute = attributes[name]
        with module.trace.part():
            found = module.value(attribute)
            level = module.trace.level
        if isinstance(found, Unknown):
            if found.why == "failed":
                return found
            return Unknown(
                address,
                address,
                "unsupported",
                attribute.place,
                f"how many of {address} there are depends on {found.reference}, which is not known here",
                found.hint
                or "give the variables it needs in [local] vars, or name `terraform show -json` output in `reads`",
            )
        evaluator = module.evaluator(attribute.source)
        try:
            return instances(name, found, level)
        except Wrong as wrong:
            told = wrong.told(quote.HIDDEN if level else None)
            raise Fault(evaluator.place(attribute.value), *told) from None
    return ("one", [(None, "", {})])


def instances(name: str, found: object, level: int = PLAIN) -> tuple[str, Keys]:
    """Keys of count or for_each. level: what the value depends on. Raises Wrong."""
    if name == "count":
        count = whole(found)
        if not 0 <= count <= INSTANCES_MAX:
            raise Wrong(f"count is {{0}}; here it may be 0 to {INSTANCES_MAX}", values=(count,))
        return (
            "list",
            [(index, f"[{index}]", {"count": {"index": index}}) for index in range(count)],
        )
    if level == SENSITIVE:  # as Terraform has it
        raise Wrong("for_each cannot go through a sensitive value: addresses show its keys")
    if isinstance(found, Set):
        found = {str(item): item for item in found}
    if not isinstance(found, dict):
        raise Wrong(
            "for_each goes through a map or a set of strings", "make a set of a list with toset()"
        )
    return (
        "map",
        [
            (key, f'["{key}"]', {"each": Through(level, {"key": key, "value": item})})
            for key, item in found.items()
        ],
    )


class Instance:
    """One instance of a resource or data source: its attributes, computed when they are asked for."""

    def __init__(
        self, module: Module, block: s.Block, address: str, names: Mapping[str, object]
    ) -> None:
        self.module = module
        self.block = block
        self.address = address
        self.names = names
        self.type = block.labels[0]
        self.is_data = block.kind == "data"
        self._kept: dict[str, object] = {}

    def reference(self) -> Namespace:
        """The instance as a value."""
        found = Namespace(self.address, self.attribute, owner=self)
        found.whole = lambda: found
        return found

    @property
    def computed(self) -> Mapping[str, str]:
        """What the cloud would compute."""
        found = self.module.trace.kept(self._kept, "computed", self.compute)
        return found if isinstance(found, Mapping) else {}

    def compute(self) -> Mapping[str, str]:
        """`computed`, made once."""
        if self.is_data:
            return identity.data(self.type, self.module.region) or self.looked_up()
        return identity.computed(self.address, self.type, self.texts(), self.module.region)

    def texts(self) -> dict[str, str]:
        """The arguments that names are made of, where they are known."""
        found: dict[str, str] = {}
        for name in ("bucket", "function_name", "name", "id", "domain"):
            value = self.configured(name)
            if isinstance(value, str):
                found[name] = value
        return found

    def looked_up(self) -> Mapping[str, str]:
        """Data sources that we can answer: managed policies, buckets, certificates, archives."""
        texts = self.texts()
        if self.type in managed.KINDS:
            found = managed.find(self.type, name=texts.get("name"), id=texts.get("id"))
            return {"id": found.id, "name": found.name} if found is not None else {}
        if self.type == "aws_s3_bucket":
            return identity.computed(self.address, "aws_s3_bucket", texts, self.module.region)
        if self.type == "aws_acm_certificate":
            return identity.computed(
                f"data.{texts.get('domain') or self.address}", self.type, {}, "us-east-1"
            )
        return {}

    def configured(self, name: str) -> object:
        """An argument as it is written; None where it is not."""
        attribute = self.block.body.attributes.get(name)
        if attribute is None or name in META:
            return None
        return self.module.kept(
            f"{self.address}.{name}",
            lambda: self.module.evaluator(attribute.source, self.names).value(attribute.value),
        )

    def attribute(self, name: str, place: Place) -> object:
        """An attribute as a reference to it yields it."""
        if name in self.block.body.attributes and name not in META and name not in ("id", "arn"):
            value = self.configured(name)
            if value is not None and not (isinstance(value, Unknown) and name in self.computed):
                return value
        if name in self.computed:
            return self.computed[name]
        reference = f"{self.address}.{name}"
        if self.is_data and self.type in managed.KINDS and name == "id":
            wanted = self.module.trace.instead or quote.value(
                self.texts().get("name") or self.texts().get("id") or "?"
            )
            return Unknown(
                reference,
                self.address,
                "unsupported",
                self.block.place,
                f"there is no managed policy {wanted}, and policies of an account are not known here",
                f"managed ones are: {', '.join(managed.names(self.type))}",
            )
        return Unknown(reference, self.address, "computed", place)
