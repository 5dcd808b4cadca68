"""Lambda functions that behaviors name: found, checked, and where their code lies."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from skerry.base.finding import Place
from skerry.readers import quote
from skerry.readers.resources.context import Context
from skerry.readers.resources.draw import Draw, unresolved
from skerry.readers.resources.origin import key
from skerry.readers.resources.shape import Resource, Shape
from skerry.readers.settings import FunctionSettings
from skerry.readers.terraform.value import Unknown
from skerry.spec.function import Function

ARN = re.compile(
    r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:(?P<name>[A-Za-z0-9_-]+)(?::(?P<version>.+))?$"
)
PYTHON = re.compile(r"^python(\d+)\.(\d+)$")
HANDLER = re.compile(r"^[A-Za-z_][\w./-]*\.[A-Za-z_]\w*$")
TIMEOUT_S_MAX = 30  # Lambda@Edge quotas of 2026, all four events
MEMORY_MB_MAX = 10_240
SLIP = (
    0.8  # how alike two names are of which one is taken for a slip of the other (difflib's ratio)
)


def resolve(
    value: object, place: Place, context: Context, shape: Shape | None = None
) -> str | None:
    """The name in Project.functions of what `lambda_arn` says; None, with a finding, where there is none.

    shape: the block that says it.
    """
    if isinstance(value, Unknown):
        return from_unknown(value, context)
    text = value if isinstance(value, str) else ""
    found = context.by_id.get(text)
    match = ARN.match(text)
    if match is None:
        context.report.add(
            "function.arn",
            "error",
            place,
            f"lambda_arn: {shape.shown('lambda_arn', text) if shape else quote.value(text)} is no ARN of a function",
            "use the qualified_arn of an aws_lambda_function",
        )
        return None
    if shape is not None and "lambda_arn" in shape.hidden:
        context.report.hide(match.group("name"), shape.hidden["lambda_arn"])
    version = match.group("version")
    if version is None or not version.isdigit():
        context.report.add(
            "function.unversioned",
            "warning",
            place,
            f"lambda_arn names {'no version' if version is None else version} of {match.group('name')}:"
            if shape is None or "lambda_arn" not in shape.hidden
            else f"lambda_arn = {shape.shown('lambda_arn', text)} names no numbered version:"
            " CloudFront takes numbered versions only; the files as they are run here",
            "set publish = true and use qualified_arn",
            "Developer Guide: Restrictions on Lambda@Edge",
        )
    if found is not None and found.type == "aws_lambda_function":
        return from_resource(found, context)
    return from_settings(
        match.group("name"),
        f"the function {context.report.called(match.group('name'))}",
        place,
        context,
    )


def from_unknown(unknown: Unknown, context: Context) -> str | None:
    """A reference to something that is not there: [function.NAME] can stand in for it."""
    steps = unknown.root.split("[")[0].split(".")
    if len(steps) < 2 or unknown.why not in ("undeclared", "computed"):
        unresolved(context.report, unknown, "error", "the behavior has no function to call")
        return None
    kind, name = steps[-2], steps[-1]
    own = context.function_settings(name)
    if kind == "aws_lambda_edge_function":
        what = f"{kind}.{name}: the AWS provider has no such resource type"
        hint = "real Terraform needs an aws_lambda_function in us-east-1 with publish = true, and its qualified_arn"
        code, rule = "terraform.no_resource_type", "AWS provider: Resources"
    else:
        what = f"{unknown.reference} is declared nowhere"
        hint, code = f'declare the resource {kind} "{name}"', "terraform.unresolved_reference"
        rule = "Terraform: References to Named Values"
    meant = misspelt(kind, name, context)
    if meant and own is None:
        hint = f'did you mean {meant}? Otherwise declare the resource {kind} "{name}"'
        context.report.add(code, "error", unknown.place, what, hint, rule, about=unknown.root)
        return None
    if own is None:
        context.report.want("function", name)
        near = difflib.get_close_matches(name, context.settings.functions, 1)
        context.report.add(
            code,
            "error",
            unknown.place,
            f"{what}, and skerry.toml has no [function.{key(name)}]",
            (f"did you mean [function.{near[0]}]? Otherwise " if near else "") + paste(name),
            rule,
            about=unknown.root,
        )
        return None
    context.report.add(
        code,
        "warning",
        unknown.place,
        f"{what}; read as [function.{key(name)}]",
        hint,
        rule,
        about=unknown.root,
    )
    return remember(unknown.root, name, make(name, own, None, context, unknown.place), context)


def misspelt(kind: str, name: str, context: Context) -> str:
    """The address of a resource of that kind which is called nearly so; empty where there is none."""
    there = [one.name for one in context.resources if one.type == kind and one.name != name]
    near = difflib.get_close_matches(name, there, 1, SLIP)
    return f"{kind}.{near[0]}" if near else ""


def paste(name: str) -> str:
    """What to write into skerry.toml."""
    return f'write into skerry.toml:\n[function.{key(name)}]\nsource = "lambda"\nhandler = "app.handler"'


def from_settings(name: str, what: str, place: Place, context: Context) -> str | None:
    """A function that is known by its name alone."""
    own = context.function_settings(name)
    if own is None:
        context.report.want("function", name)
        context.report.add(
            "function.no_source",
            "error",
            place,
            f"{what} is not in these files",
            paste(context.report.called(name)),
            about=("function", name),
        )
        return None
    return remember(name, name, make(name, own, None, context, place), context)


def from_resource(resource: Resource, context: Context) -> str | None:
    """An aws_lambda_function."""
    context.called[resource.address] = resource
    known = context.function_names.get(resource.address)
    if known is not None:
        return known
    taken = {
        name for address, name in context.function_names.items() if address != resource.address
    }
    name = resource.name
    if name in taken:  # the same name in two modules, or two instances
        name = re.sub(
            r"[^A-Za-z0-9_-]+", "-", resource.address.replace("aws_lambda_function.", "")
        ).strip("-")
    own = context.function_settings(name) or FunctionSettings()
    return remember(
        resource.address, name, make(name, own, resource, context, resource.shape.place), context
    )


def remember(address: str, name: str, function: Function | None, context: Context) -> str | None:
    """Into Project.functions."""
    if function is None:
        return None
    context.function_names[address] = name
    context.functions[name] = function
    return name


def make(
    name: str, own: FunctionSettings, resource: Resource | None, context: Context, place: Place
) -> Function | None:
    """The function: what skerry.toml says stands over the resource."""
    draw = Draw(resource.shape, context.report) if resource is not None else None
    where = own.place or place
    handler = own.handler or (draw.text("handler") if draw is not None else "")
    runtime = own.runtime or (draw.text("runtime") if draw is not None else "")
    if not runs_here(name, runtime, draw.where("runtime") if draw is not None else where, context):
        return None
    if not HANDLER.match(handler):
        quoted = (
            draw.shown("handler", handler)
            if draw is not None and not own.handler
            else quote.value(handler)
        )
        context.report.add(
            "function.handler",
            "error",
            draw.where("handler") if draw is not None and not own.handler else where,
            f"the function {name} has no handler of the form file.function ({quoted})",
            f'write into skerry.toml:\n[function.{key(name)}]\nhandler = "app.handler"',
        )
        return None
    source = source_of(name, own, resource, context, where)
    if source is None:
        return None
    timeout = (
        own.timeout_s
        if own.timeout_s is not None
        else float(draw.number("timeout", 3, 1, 900) if draw else 30)
    )
    if timeout > TIMEOUT_S_MAX:
        hidden = draw is not None and own.timeout_s is None and "timeout" in draw.shape.hidden
        taken = draw.shown("timeout", timeout) if draw is not None and hidden else f"{timeout:g}"
        context.report.add(
            "function.timeout",
            "warning",
            draw.where("timeout") if draw is not None else where,
            f"the function {name} may take {taken} s; at the edge it is stopped after {TIMEOUT_S_MAX} s",
            rule="Developer Guide: Quotas on Lambda@Edge",
        )
        timeout = float(TIMEOUT_S_MAX)
    memory = own.memory_mb or (
        draw.number("memory_size", 128, 128, MEMORY_MB_MAX) if draw is not None else 128
    )
    python = str((context.settings.root / own.python).resolve()) if own.python else None
    if python is not None and not Path(python).is_dir():
        context.report.add(
            "function.python",
            "error",
            where,
            f"the function {name} names the environment {own.python}, which is no folder",
            f"make it: python3 -m venv {own.python}",
        )
    return Function(
        name=name,
        source=str(source),
        handler=handler,
        runtime=runtime,
        python=python,
        egress=own.egress,
        memory_mb=memory,
        timeout_s=timeout,
    )


def runs_here(name: str, runtime: str, place: Place, context: Context) -> bool:
    """Python runs, whatever its version; the rest is answered by name."""
    if not runtime:
        return True
    match = PYTHON.match(runtime)
    if match is not None:
        declared = (int(match.group(1)), int(match.group(2)))
        if declared != context.python:
            context.report.add(
                "function.runtime_other",
                "note",
                place,
                f"{name}: declared for {context.report.called(runtime)},"
                f" run by Python {'.'.join(map(str, context.python))} here",
            )
        return True
    node = runtime.startswith("nodejs")
    context.report.add(
        "function.runtime_not_built" if node else "function.runtime",
        "error",
        place,
        f"the function {name} declares {context.report.called(runtime)}: "
        + (
            "Node handlers come with a later version"
            if node
            else "Lambda@Edge takes Python and Node only"
        ),
        "Python handlers run" if node else "",
        "Developer Guide: Lambda@Edge supported runtimes",
    )
    return False


def source_of(
    name: str, own: FunctionSettings, resource: Resource | None, context: Context, place: Place
) -> Path | None:
    """Folder or zip with the code. None, with a finding, where it cannot be found."""
    if own.source:
        path = (context.settings.root / own.source).resolve()
        return path if exists(path, name, own.source, place, context) else None
    if resource is not None:
        value = resource.shape.values.get("filename")
        if isinstance(value, str) and value:
            archive = (resource.folder / value).resolve()
            made_by = context.archives.get(archive)
            if made_by is not None:
                return from_archive(made_by, name, context)
            where = resource.shape.where("filename")
            hidden = "filename" in resource.shape.hidden
            shown = resource.shape.shown("filename", value) if hidden else value
            return archive if exists(archive, name, shown, where, context) else None
        if isinstance(value, Unknown):
            unresolved(
                context.report,
                value,
                "error",
                f"where the code of {name} lies cannot be told",
                paste_source(name),
            )
            return None
        place = resource.shape.place
    context.report.want("function", name)
    elsewhere = resource.shape.values if resource is not None else {}
    context.report.add(
        "function.no_source",
        "error",
        place,
        f"the code of the function {name} is in a bucket or an image, which is not fetched"
        if elsewhere.get("s3_bucket") or elsewhere.get("image_uri")
        else f"the function {name} does not say where its code lies",
        paste_source(name),
        about=("function", name),
    )
    return None


def paste_source(name: str) -> str:
    """What to write into skerry.toml."""
    return f'write into skerry.toml:\n[function.{key(name)}]\nsource = "lambda"'


def exists(path: Path, name: str, written: str, place: Place, context: Context) -> bool:
    """Is there a folder or a zip?"""
    if path.is_dir() or (path.is_file() and path.suffix == ".zip"):
        return True
    context.report.want("function", name)
    context.report.add(
        "function.source_missing",
        "error",
        place,
        f"the code of the function {name} should be in {written}, "
        + ("which is neither a folder nor a zip" if path.exists() else "which is not there"),
        paste_source(name),
        about=("function", name),
    )
    return False


def from_archive(archive: Resource, name: str, context: Context) -> Path | None:
    """What a data "archive_file" packs: its source folder is used as it is, nothing is zipped."""
    draw = Draw(archive.shape, context.report)
    folder, file = draw.text("source_dir"), draw.text("source_file")
    called = context.report.called
    if folder:
        path = (archive.folder / folder).resolve()
        return (
            path if exists(path, name, called(folder), draw.where("source_dir"), context) else None
        )
    if file:
        path = (archive.folder / file).resolve()
        if path.is_file():
            return path.parent
        return (
            path if exists(path, name, called(file), draw.where("source_file"), context) else None
        )
    context.report.add(
        "function.no_source",
        "error",
        archive.shape.place,
        f"{archive.address} has neither source_dir nor source_file, so that the code of {name} cannot be found",
        paste_source(name),
        about=("function", name),
    )
    return None
