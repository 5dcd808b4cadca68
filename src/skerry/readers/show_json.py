"""`terraform show -json` of a plan or a state (Terraform's JSON output format, 1.x) → resources.

This is what a finding on a remote module or an unknown `for_each` points to: Terraform has expanded everything.
A plan does not know what an apply would compute (ids, ARNs); what it does know is which resource such a value
comes from, so that we give those resources ids of our own and put them in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from skerry.base.finding import Place
from skerry.readers.provenance import Provenance
from skerry.readers.report import Report
from skerry.readers.resources import arguments, identity
from skerry.readers.resources.shape import Resource, Shape
from skerry.readers.terraform.functions.encoding import from_json
from skerry.readers.terraform.read import DATA, MANAGED
from skerry.readers.terraform.value import Unknown

ALSO = frozenset(
    {
        "aws_s3_bucket",
        "aws_cloudfront_origin_access_identity",
        "aws_acm_certificate",
        "aws_cloudfront_function",
    }
)
INDEX = re.compile(r"\[(?:\d+|\"[^\"]*\")\]")
Json = dict[str, object]
Hidden = dict[int, dict[str, str]]  # id() of a block → arguments that came through a variable


def is_show(document: object) -> bool:
    """Is it output of `terraform show -json`?"""
    return (
        isinstance(document, dict)
        and "format_version" in document
        and ("planned_values" in document or "values" in document)
    )


def read(document: Json, path: Path, folder: Path, report: Report) -> list[Resource]:
    """The resources of a plan or a state. folder: relative paths in it start there."""
    name = report.name(path)
    version = str(document.get("format_version", ""))
    if not version.startswith(("0.", "1.")):
        report.add(
            "show_json.version",
            "error",
            Place(name),
            f"format_version {version} is not known here",
            "formats 0.x and 1.x are read",
        )
        return []
    planned = dictionary(document.get("planned_values") or document.get("values"))
    rows = list(listed(dictionary(planned.get("root_module"))))
    prior = dictionary(dictionary(document.get("prior_state")).get("values"))
    seen = {str(row.get("address")) for row in rows}
    rows += [
        row
        for row in listed(dictionary(prior.get("root_module")))
        if str(row.get("address")) not in seen
    ]
    expressions = dict(
        configured(dictionary(dictionary(document.get("configuration")).get("root_module")), "")
    )
    ids = {str(row.get("address")): known_ids(row) for row in rows}
    provenance = Provenance(expressions)
    found: list[Resource] = []
    for row in rows:
        kind, mode = str(row.get("type")), str(row.get("mode"))
        if kind not in (DATA if mode == "data" else MANAGED | ALSO):
            continue
        address = str(row.get("address"))
        place = Place(f"{name} ({address})")
        values = dictionary(from_json(row.get("values")))
        hidden: Hidden = {}
        own = expressions.get(INDEX.sub("", address), {})
        fill(values, own, ids, provenance, place, hidden)
        found.append(
            Resource(
                address=address,
                type=kind,
                name=str(row.get("name")),
                shape=shape(values, kind, place, hidden, row.get("sensitive_values")),
                folder=folder,
                mode="data" if mode == "data" else "managed",
                ids={
                    key: text
                    for key, text in ids[address].items()
                    if key in ("id", "arn", "qualified_arn")
                },
            )
        )
    return found


def dictionary(value: object) -> Json:
    """An object, empty where there is none."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """A list, empty where there is none."""
    return value if isinstance(value, list) else []


def listed(module: Json) -> Iterator[Json]:
    """Resources of a module and of all below it."""
    for row in items(module.get("resources")):
        if isinstance(row, dict):
            yield row
    for child in items(module.get("child_modules")):
        yield from listed(dictionary(child))


def configured(module: Json, prefix: str) -> Iterator[tuple[str, Json]]:
    """Address without indices → the expressions it was written with. Of local names only: those of the module."""
    for row in items(module.get("resources")):
        if isinstance(row, dict):
            yield (
                prefix + str(row.get("address")),
                {"expressions": row.get("expressions"), "prefix": prefix},
            )
    for name, call in dictionary(module.get("module_calls")).items():
        yield from configured(dictionary(dictionary(call).get("module")), f"{prefix}module.{name}.")


def known_ids(row: Json) -> dict[str, str]:
    """Attributes by which others name a resource: the real ones, and our own where an apply would make them."""
    values = dictionary(row.get("values"))
    texts = {key: value for key, value in values.items() if isinstance(value, str)}
    made = identity.computed(str(row.get("address")), str(row.get("type")), texts, identity.REGION)
    return {**made, **texts}


def fill(
    values: Json,
    configuration: Json,
    ids: Mapping[str, Mapping[str, str]],
    provenance: Provenance,
    place: Place,
    hidden: Hidden,
) -> None:
    """Put in what the plan leaves out because only an apply knows it, and note what came through a variable."""
    prefix = str(configuration.get("prefix", ""))
    put(
        values, dictionary(configuration.get("expressions")), ids, prefix, provenance, place, hidden
    )


def put(
    values: Json,
    expressions: Json,
    ids: Mapping[str, Mapping[str, str]],
    prefix: str,
    provenance: Provenance,
    place: Place,
    hidden: Hidden,
) -> None:
    """One block and those in it."""
    for name, expression in expressions.items():
        if isinstance(expression, list):
            for block, inner in matched(items(values.get(name)), expression):
                put(block, inner, ids, prefix, provenance, place, hidden)
            continue
        through = provenance.variable_in(expression, prefix)
        if through:
            hidden.setdefault(id(values), {})[name] = through
        if isinstance(expression, dict) and values.get(name) is None and "references" in expression:
            references = [str(one) for one in items(expression["references"])]
            values[name] = resolved(references, ids, prefix, place)


def matched(blocks: list[object], written: list[object]) -> Iterator[tuple[Json, Json]]:
    """Each block with the expressions it was written with: blocks of a set come in another order.

    What is written as a constant tells them apart; where nothing does, the order has to do.
    """
    left = [dictionary(one) for one in written]
    for block in (dictionary(one) for one in blocks):
        found = next((one for one in left if fits(block, one)), None)
        if found is not None:
            left.remove(found)
            yield block, found


def fits(block: Json, written: Json) -> bool:
    """Does every constant of the expressions stand in the block?"""
    return all(
        not isinstance(one, dict)
        or "constant_value" not in one
        or same_constant(block.get(name), one["constant_value"])
        for name, one in written.items()
    )


def same_constant(value: object, constant: object) -> bool:
    """Equal, whatever the order of a set and the type of a text that is a number."""
    if isinstance(value, list) and isinstance(constant, list):
        return sorted(map(str, value)) == sorted(map(str, constant))
    return str(value).lower() == str(constant).lower()


def resolved(
    references: list[str], ids: Mapping[str, Mapping[str, str]], prefix: str, place: Place
) -> object:
    """The value behind references (`aws_x.y.id`, then `aws_x.y`): ours, or an unknown."""
    for reference in references:
        thing, _, attribute = (prefix + reference).rpartition(".")
        for candidate in (thing, f"{thing}[0]"):
            found = ids.get(candidate, {}).get(attribute)
            if found is not None:
                return found
    first = references[0] if references else "a value"
    root = ".".join(first.split(".")[: 3 if first.startswith("data.") else 2])
    return Unknown(first, prefix + root, "computed", place)


def marked(sensitive: object) -> bool:
    """Is there a `true` anywhere in it?"""
    if isinstance(sensitive, dict):
        return any(marked(one) for one in sensitive.values())
    return sensitive is True or any(marked(one) for one in items(sensitive))


def shape(values: Json, path: str, place: Place, hidden: Hidden, sensitive: object = None) -> Shape:
    """Values as Terraform shows them: blocks are lists of objects, and what is not set is null.

    sensitive: of the same shape as values, `true` where Terraform would show nothing.
    """
    known = arguments.of(path) or {}
    found = Shape(path, place, hidden=dict(hidden.get(id(values), {})))
    secret = dictionary(sensitive)
    for name, value in values.items():
        if sensitive is True or marked(secret.get(name)):
            found.hidden.setdefault(name, "a sensitive value")
        inner = f"{path}.{name}"
        if name in known and arguments.of(inner) is not None and isinstance(value, list):
            marks = items(secret.get(name))
            if len(marks) != len(value):  # `true` for all of it, or nothing
                marks = [sensitive is True or marked(secret.get(name))] * len(value)
            found.blocks[name] = [
                shape(block, inner, place, hidden, mark)
                for block, mark in zip(value, marks, strict=True)
                if isinstance(block, dict)
            ]
        elif value is not None:
            found.values[name] = value
    return found
