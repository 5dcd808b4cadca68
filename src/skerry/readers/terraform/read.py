"""A folder of HCL → its resources, evaluated. The one place where Terraform's words become shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from skerry.base.finding import Place, Severity
from skerry.readers.report import Report
from skerry.readers.resources import arguments
from skerry.readers.resources.shape import Resource, Shape
from skerry.readers.terraform import syntax as s
from skerry.readers.terraform.attributes import META, Instance
from skerry.readers.terraform.evaluate import Fault
from skerry.readers.terraform.modules import Module, overrides, terraform_files
from skerry.readers.terraform.trace import Through
from skerry.readers.terraform.value import Namespace, Set, Unknown, Wrong, kind
from skerry.readers.terraform.variables import collect

# What is read whole; everything else is looked at only where it is referred to.
MANAGED = frozenset(
    {
        "aws_cloudfront_distribution",
        "aws_cloudfront_cache_policy",
        "aws_cloudfront_origin_request_policy",
        "aws_cloudfront_response_headers_policy",
        "aws_cloudfront_origin_access_control",
        "aws_lambda_function",
    }
)
DATA = frozenset({"archive_file"})
# Resources that would serve or guard something and are not read: to pass over them in silence would be a lie.
REFUSED = {
    "aws_cloudfront_multitenant_distribution": "multi-tenant distributions are not built",
    "aws_cloudfront_distribution_tenant": "multi-tenant distributions are not built",
}


def read(
    folder: Path,
    variables: Mapping[str, object],
    environment: Mapping[str, str],
    report: Report,
    file: Path | None = None,
) -> list[Resource]:
    """Every resource that matters, in the module of the folder and those below it. Nothing where a file is broken."""
    refuse(folder, report)
    inputs = collect(folder, variables, environment, report)
    root = Module(report, folder, folder, inputs=inputs, files=[file] if file is not None else None)
    found: list[Resource] = []
    try:
        for module in everything(root):
            if module.faulty:
                return []
            found.extend(resources(module))
    except Fault as fault:
        report.add("terraform.expression", "error", fault.place, fault.message, fault.hint)
    return found


def refuse(folder: Path, report: Report) -> None:
    """Files that Terraform would read and we do not."""
    for path in sorted(folder.glob("*.tf.json")):
        report.add(
            "terraform.json_syntax",
            "error",
            Place(report.name(path)),
            "Terraform's JSON syntax is not read",
            "name the output of `terraform show -json` in `reads`",
        )
    for path in sorted(folder.glob("*.tf")):
        if overrides(path):
            report.add(
                "terraform.override",
                "error",
                Place(report.name(path)),
                "override files are not read",
                "name the output of `terraform show -json` in `reads`",
            )


def everything(module: Module) -> Iterator[Module]:
    """The module and all below it. What cannot be opened is a finding."""
    yield module
    if module.faulty:
        return
    for name, block in module.calls.items():
        children = module.children(name)
        if isinstance(children, Unknown):
            module.report.add(
                "terraform.module",
                "error" if children.why != "unsupported" else "warning",
                children.place,
                children.message or f"module.{name} cannot be opened",
                children.hint,
                about=children.root,
            )
            continue
        listed = list(children.values()) if isinstance(children, dict) else children
        for child in listed if isinstance(listed, list) else [listed]:
            if isinstance(child, Module):
                if not terraform_files(child.own_folder):
                    module.report.add(
                        "terraform.module",
                        "error",
                        block.place,
                        f"the folder of module.{name} has no .tf file",
                    )
                yield from everything(child)


def resources(module: Module) -> Iterator[Resource]:
    """The resources of one module."""
    for mode, type_name, name in module.resources:
        if type_name in REFUSED and mode == "managed":
            block = module.resources[mode, type_name, name]
            module.report.add(
                "terraform.not_built",
                "error",
                block.place,
                f"{type_name}.{name}: {REFUSED[type_name]}",
            )
        if type_name not in (MANAGED if mode == "managed" else DATA):
            continue
        found = module.instances(mode, type_name, name)
        if isinstance(found, Unknown):
            if found.why != "failed":
                module.report.add(
                    "terraform.unsupported",
                    "error",
                    found.place,
                    found.message,
                    found.hint,
                    about=found.root,
                )
            continue
        if isinstance(found, dict):
            found = list(found.values())
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, Namespace) and isinstance(one.owner, Instance):
                yield resource(one.owner, name)


def resource(instance: Instance, name: str) -> Resource:
    """One instance; its arguments are evaluated when they are asked for."""
    try:
        computed = dict(instance.computed)
    except Fault as fault:
        report = instance.module.report
        report.add("terraform.expression", "error", fault.place, fault.message, fault.hint)
        computed = {}
    module, block = instance.module, instance.block
    return Resource(
        address=instance.address,
        type=instance.type,
        name=name,
        shape=partial(shape, module, block.body, instance.type, block.place, instance.names),
        folder=module.folder,
        mode="data" if instance.is_data else "managed",
        ids={key: computed[key] for key in ("id", "arn", "qualified_arn") if key in computed},
    )


def shape(
    module: Module, body: s.Body, path: str, place: Place, names: Mapping[str, object]
) -> Shape:
    """A body, evaluated."""
    found = Shape(path, place)
    top = "." not in path
    known = arguments.of(path) or {}
    for attribute in body.attributes.values():
        if top and attribute.name in META:
            continue
        # What has no effect whatever its value cannot keep anything from being served: a hash of a
        # zip that is not built yet, say.
        harmless = attribute.name in known and known[attribute.name].quiet == "*"
        level: Severity = "warning" if harmless or path == "archive_file" else "error"
        with module.trace.part():
            found.values[attribute.name] = module.value(attribute, names, level)
            if module.trace.level:
                found.hidden[attribute.name] = attribute.written
        found.places[attribute.name] = attribute.place
    for block in body.blocks:
        if top and block.kind in META:
            continue
        if block.kind == "dynamic":
            dynamic(module, block, found, names)
        else:
            below = shape(module, block.body, f"{path}.{block.kind}", block.place, names)
            found.blocks.setdefault(block.kind, []).append(below)
    return found


def dynamic(module: Module, block: s.Block, into: Shape, names: Mapping[str, object]) -> None:
    """dynamic "name" { for_each, content }: a block for each element."""
    report = module.report
    contents = [inner for inner in block.body.blocks if inner.kind == "content"]
    attribute = block.body.attributes.get("for_each")
    if len(block.labels) != 1 or len(contents) != 1 or attribute is None:
        report.add(
            "terraform.syntax",
            "error",
            block.place,
            "a dynamic block has a name, for_each and one content block",
        )
        return
    name = block.labels[0]
    with module.trace.part():
        through = module.value(attribute, names)
        trace_level = module.trace.level
    if isinstance(through, Unknown):
        if through.why != "failed":
            report.add(
                "terraform.unsupported",
                "error",
                attribute.place,
                f"how many {name} blocks there are depends on {through.reference}, which is not known here",
                through.hint or "name the output of `terraform show -json` in `reads`",
                about=through.root,
            )
        return
    iterator = block.body.attributes.get("iterator")
    variable = (
        iterator.value.name
        if iterator is not None and isinstance(iterator.value, s.Variable)
        else name
    )
    try:
        items = elements(through)
    except Wrong as wrong:
        report.add("terraform.expression", "error", attribute.place, wrong.message, wrong.hint)
        return
    for key, value in items:
        bound = {**names, variable: Through(trace_level, {"key": key, "value": value})}
        below = shape(module, contents[0].body, f"{into.kind}.{name}", contents[0].place, bound)
        into.blocks.setdefault(name, []).append(below)


def elements(through: object) -> list[tuple[object, object]]:
    """Keys and values of what a dynamic block goes through. Raises Wrong."""
    if through is None:
        raise Wrong("for_each is null")
    if isinstance(through, dict):
        return list(through.items())
    if isinstance(through, Set):
        return [(item, item) for item in through]
    if isinstance(through, list):
        return list(enumerate(through))
    raise Wrong(f"for_each goes through a list, set or map, this is a {kind(through)}")
