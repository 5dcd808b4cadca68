"""A folder → a Project: what it wants to run, and what there is to say about it."""

from __future__ import annotations

import difflib
import json
import os
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from skerry.base.errors import ConfigError
from skerry.base.finding import Place
from skerry.readers import cloudfront_json, settings, show_json
from skerry.readers.report import Report
from skerry.readers.resources import arguments, distribution
from skerry.readers.resources.context import Context
from skerry.readers.resources.draw import unresolved
from skerry.readers.resources.origin import key
from skerry.readers.resources.shape import Resource
from skerry.readers.terraform import read as terraform
from skerry.readers.terraform.value import unknown_in
from skerry.spec.distribution import Distribution, Origin
from skerry.spec.project import Project

WRANGLER = ("wrangler.toml", "wrangler.json", "wrangler.jsonc")
# what skerry.toml could have settled: while it cannot be read, these would only hide the error that it has
FOLLOWING = {
    "origin.unmapped",
    "function.no_source",
    "function.source_missing",
    "terraform.no_resource_type",
    "terraform.no_value",
    "terraform.unresolved_reference",
}
JSON_BYTES_MAX = 256 * 1024 * 1024  # a plan of a large estate has tens of megabytes


def read(
    root: Path,
    *,
    variables: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    python: tuple[int, int] = (sys.version_info[0], sys.version_info[1]),
) -> Project:
    """Read a project's folder, or one file of it.

    variables    values of Terraform variables; they stand over [local] vars, those over .tfvars
    environment  where TF_VAR_… are looked for; the process's own when left out
    python       version that functions run on, for the note about another declared one

    Never raises for what stands in the files: that becomes `Project.findings`, an `error` among
    which keeps the project from being served. Raises ConfigError `project.not_found` where there
    is nothing to read.
    """
    found, _ = examine(root, variables=variables, environment=environment, python=python)
    return found


def examine(
    root: Path,
    *,
    variables: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
    python: tuple[int, int] = (sys.version_info[0], sys.version_info[1]),
) -> tuple[Project, Report]:
    """As `read`, with the report, which knows what skerry.toml could supply (`skerry init`)."""
    root, only = divided(root.resolve())
    report = Report(root)
    found = settings.read(root, report)
    sources = list(found.reads) or default_sources(root, found.present, only)
    # TF_VAR_… are Terraform's variables and any number of them: a prefix, and no name of ours
    own = os.environ if environment is None else environment  # noqa: TID251  # see above
    given = {**found.local.vars, **(variables or {})}
    resources: list[Resource] = []
    for written, place in sources:
        resources += read_source(Source(root, written, place), given, own, report)
    context = Context(report, found, resources, python)
    distributions = distribution.read_all(context)
    looked_at = [one for one in resources if one.type != "aws_lambda_function"]
    looked_at += context.called.values()
    for resource in looked_at:
        in_json = resource.shape.place.line == 0
        arguments.check(resource.shape, report, lists_computed=in_json)
    sweep(looked_at, report)
    leftovers(context, distributions)
    if not distributions and not report.errors:
        report.add(
            "project.empty",
            "error",
            Place(settings.FILE if found.present else "."),
            "there is no aws_cloudfront_distribution in what was read",
            "name the folder that has it in `reads`",
        )
    project = Project(
        root=str(root),
        name=found.name,
        profile=found.profile,
        level=found.level,
        distributions=distributions,
        functions=tuple(context.functions.values()),
        local=found.local,
        files=tuple(report.files),
        findings=tuple(
            each for each in report.findings if found.readable or each.code not in FOLLOWING
        ),
    )
    return project, report


class Source(NamedTuple):
    """One entry of `reads`, and where it was written."""

    root: Path
    written: str
    place: Place

    @property
    def path(self) -> Path:
        """Where it is."""
        return (self.root / self.written).resolve()


def divided(path: Path) -> tuple[Path, Path | None]:
    """The project's folder, and the one file that is to be read of it, if one was named."""
    if not path.is_file():
        return path, None
    return path.parent, None if path.name == settings.FILE else path


def default_sources(root: Path, has_settings: bool, only: Path | None) -> list[tuple[str, Place]]:
    """What is read when nothing is named: Terraform in the folder itself. Raises ConfigError."""
    place = Place(settings.FILE if has_settings else ".")
    if only is not None:
        return [(only.name, Place(only.name))]
    if any(root.glob("*.tf")) or any(root.glob("*.tf.json")):
        return [(".", place)]
    for name in WRANGLER:
        if (root / name).is_file():
            return [(name, Place(name))]
    if not has_settings:
        raise ConfigError(
            "project.not_found",
            f"there is nothing to read in {root}: no {settings.FILE}, no Terraform file",
            hint="give the folder that has your Terraform; where it is in folders below, `skerry init` finds it",
            about=str(root),
        )
    return []


def read_source(
    source: Source,
    variables: Mapping[str, object],
    environment: Mapping[str, str],
    report: Report,
) -> list[Resource]:
    """One entry of `reads`."""
    path, written, place = source.path, source.written, source.place
    if path.is_dir():
        if any(path.glob("*.tf")) or any(path.glob("*.tf.json")):
            return terraform.read(path, variables, environment, report)
        report.add("reads.empty", "error", place, f"the folder {written} has no .tf file")
    elif path.name.startswith("wrangler."):
        message = f"{written}: Workers come with a later version; the file is not read yet"
        report.add("reads.wrangler", "warning", place, message)
    elif not path.is_file():
        hint = "`reads` are paths from the project's folder"
        report.add("reads.missing", "error", place, f"{written} is not there", hint)
    elif path.suffix == ".tf":
        return terraform.read(path.parent, variables, environment, report, path)
    elif path.suffix == ".json":
        return read_json(path, report)
    else:
        report.add(
            "reads.unknown",
            "error",
            place,
            f"{written} is none of the files that are read",
            "a folder of .tf files, `terraform show -json` output, or a distribution's JSON",
        )
    return []


def read_json(path: Path, report: Report) -> list[Resource]:
    """Terraform's JSON or CloudFront's."""
    name = report.read(path)
    try:
        if path.stat().st_size > JSON_BYTES_MAX:
            report.add("reads.too_large", "error", Place(name), f"more than {JSON_BYTES_MAX} bytes")
            return []
        document = json.loads(path.read_bytes(), parse_float=Decimal)
    except (OSError, UnicodeDecodeError) as error:
        report.add("reads.unreadable", "error", Place(name), f"the file cannot be read: {error}")
        return []
    except json.JSONDecodeError as error:
        report.add(
            "reads.json",
            "error",
            Place(name, error.lineno, error.colno),
            f"this is no JSON: {error.msg}",
        )
        return []
    except RecursionError:
        report.add("reads.json", "error", Place(name), "the JSON is nested too deeply")
        return []
    if show_json.is_show(document):
        return show_json.read(document, path, path.parent, report)
    if cloudfront_json.is_distribution(document):
        return cloudfront_json.read(document, path, report)
    report.add(
        "reads.unknown",
        "error",
        Place(name),
        "this JSON is neither `terraform show -json` output nor a distribution's configuration",
        "`terraform show -json plan > plan.json`, or `aws cloudfront get-distribution-config --id …`",
    )
    return []


def sweep(resources: list[Resource], report: Report) -> None:
    """References that are wrong where nothing depends on them: Terraform would refuse them all the same."""
    for resource in resources:
        for shape in resource.shape.walk():
            for name, value in shape.values.items():
                unknown = unknown_in(value)
                if (
                    unknown is None
                    or report.said(unknown.root)
                    or unknown.why not in ("undeclared", "no_value")
                ):
                    continue
                unresolved(report, unknown, "warning", f"{name} has no effect here")


def leftovers(context: Context, distributions: tuple[Distribution, ...]) -> None:
    """What skerry.toml names and nothing has. What a line of [local.origin] says is judged where it is used (`pop`)."""
    found = context.settings
    origins = {one.id: one for each in distributions for one in each.origins}
    for name, one in origins.items():
        if name not in found.local.origins and one.domain not in found.local.origins:
            unmapped(one, context)
    if not distributions:
        return
    for name in found.functions:
        if name not in context.functions and not any(one.name == name for one in context.resources):
            unused("function", name, list(context.functions), context)
    for name in found.shields:
        if name not in origins:
            unused("origin", name, list(map(context.report.called, origins)), context)


def unmapped(origin: Origin, context: Context) -> None:
    """An origin that `skerry up` will not turn to: a laptop does not touch production by accident."""
    address = "./site" if origin.kind == "s3" else "http://127.0.0.1:9000"
    called = context.report.called
    context.report.want("origin", origin.id)
    context.report.add(
        "origin.unmapped",
        "note",
        context.settings.where("local", "origin"),
        f"the origin {called(origin.id)} ({called(origin.domain)}) is not mapped:"
        " `skerry up` answers 502 where it is needed",
        f'[local.origin]\n{key(called(origin.id))} = "{address}"',
    )


def unused(section: str, name: str, there: list[str], context: Context) -> None:
    """A name in skerry.toml that nothing has."""
    near = difflib.get_close_matches(name, there, 1)
    context.report.add(
        "toml.unused",
        "warning",
        context.settings.where(section, name),
        f"[{section}] names {name}, which nothing has",
        f"did you mean {near[0]}?" if near else f"there are: {', '.join(there) or 'none'}",
    )
