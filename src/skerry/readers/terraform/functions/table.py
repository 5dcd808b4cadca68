"""Every function that is known, and how one is called.

A function of the first table is given values; an unknown anywhere in its arguments makes the result unknown. Of
those in SHALLOW only an argument that is unknown as a whole does, since they look at the shape alone. READERS
get the evaluator, for the folder. LAZY get expressions.
"""

from __future__ import annotations

from collections.abc import Callable

from skerry.base.finding import Place
from skerry.readers.terraform import syntax as s
from skerry.readers.terraform.evaluate import Evaluator, Fault
from skerry.readers.terraform.functions import collection, conversion, encoding, file, number, text
from skerry.readers.terraform.trace import SENSITIVE, VARIABLE
from skerry.readers.terraform.value import Unknown, Wrong, sequence, unknown_in

Function = Callable[..., object]
MANY = 1000

# name → (function, least arguments, most arguments)
FUNCTIONS: dict[str, tuple[Function, int, int]] = {
    "abs": (number.absolute, 1, 1),
    "alltrue": (collection.all_true, 1, 1),
    "anytrue": (collection.any_true, 1, 1),
    "base64decode": (encoding.base64_decode, 1, 1),
    "base64encode": (encoding.base64_encode, 1, 1),
    "base64sha256": (encoding.digest("sha256", encoding.base64_of), 1, 1),
    "base64sha512": (encoding.digest("sha512", encoding.base64_of), 1, 1),
    "basename": (conversion.base, 1, 1),
    "ceil": (number.ceil, 1, 1),
    "chomp": (text.chomp, 1, 1),
    "chunklist": (collection.chunks, 2, 2),
    "coalesce": (collection.coalesce, 1, MANY),
    "coalescelist": (collection.coalesce_list, 1, MANY),
    "compact": (collection.compact, 1, 1),
    "concat": (collection.concat, 1, MANY),
    "contains": (collection.contains, 2, 2),
    "dirname": (conversion.parent, 1, 1),
    "distinct": (collection.distinct, 1, 1),
    "element": (collection.element, 2, 2),
    "endswith": (text.ends_with, 2, 2),
    "flatten": (collection.flatten, 1, 1),
    "floor": (number.floor, 1, 1),
    "format": (text.format_text, 1, MANY),
    "formatlist": (text.format_list, 1, MANY),
    "indent": (text.indent, 2, 2),
    "index": (collection.index, 2, 2),
    "join": (text.join, 2, MANY),
    "jsondecode": (encoding.decode_json, 1, 1),
    "jsonencode": (encoding.encode_json, 1, 1),
    "keys": (collection.keys, 1, 1),
    "length": (collection.length, 1, 1),
    "lookup": (collection.lookup, 2, 3),
    "lower": (text.lower, 1, 1),
    "matchkeys": (collection.match_keys, 3, 3),
    "max": (number.largest, 1, MANY),
    "md5": (encoding.digest("md5", bytes.hex), 1, 1),
    "merge": (collection.merge, 0, MANY),
    "min": (number.smallest, 1, MANY),
    "nonsensitive": (conversion.itself, 1, 1),
    "one": (collection.one, 1, 1),
    "parseint": (number.parse_int, 2, 2),
    "pathexpand": (conversion.expanded, 1, 1),
    "pow": (number.power, 2, 2),
    "range": (collection.numbers, 1, 3),
    "regex": (text.regex, 2, 2),
    "regexall": (text.regex_all, 2, 2),
    "replace": (text.replace, 3, 3),
    "reverse": (collection.reverse, 1, 1),
    "sensitive": (conversion.itself, 1, 1),
    "setintersection": (collection.set_intersection, 1, MANY),
    "setproduct": (collection.set_product, 1, MANY),
    "setsubtract": (collection.set_subtract, 2, 2),
    "setunion": (collection.set_union, 1, MANY),
    "sha1": (encoding.digest("sha1", bytes.hex), 1, 1),
    "sha256": (encoding.digest("sha256", bytes.hex), 1, 1),
    "sha512": (encoding.digest("sha512", bytes.hex), 1, 1),
    "signum": (number.signum, 1, 1),
    "slice": (collection.part, 3, 3),
    "sort": (collection.sort, 1, 1),
    "split": (text.split, 2, 2),
    "startswith": (text.starts_with, 2, 2),
    "strcontains": (text.contains, 2, 2),
    "strrev": (text.backwards, 1, 1),
    "substr": (text.substr, 3, 3),
    "sum": (number.total, 1, 1),
    "title": (text.title, 1, 1),
    "tobool": (conversion.to_bool, 1, 1),
    "tolist": (collection.to_list, 1, 1),
    "tomap": (collection.to_map, 1, 1),
    "tonumber": (conversion.to_number, 1, 1),
    "toset": (collection.to_set, 1, 1),
    "tostring": (conversion.to_string, 1, 1),
    "transpose": (collection.transpose, 1, 1),
    "trim": (text.trim, 2, 2),
    "trimprefix": (text.trim_prefix, 2, 2),
    "trimspace": (text.trim_space, 1, 1),
    "trimsuffix": (text.trim_suffix, 2, 2),
    "upper": (text.upper, 1, 1),
    "urlencode": (encoding.url_encode, 1, 1),
    "values": (collection.values, 1, 1),
    "zipmap": (collection.zipmap, 2, 2),
}
SHALLOW = frozenset(
    {
        "chunklist", "coalesce", "coalescelist", "concat", "element", "flatten", "keys", "length",
        "lookup", "merge", "nonsensitive", "one", "reverse", "sensitive", "slice", "tolist",
        "tomap", "values", "zipmap",
    }
)  # fmt: skip
READERS: dict[str, tuple[Function, int, int]] = {
    "abspath": (conversion.absolute, 1, 1),
    "file": (file.read, 1, 1),
    "filebase64": (file.read_base64, 1, 1),
    "filebase64sha256": (file.digest("sha256", encoding.base64_of), 1, 1),
    "filebase64sha512": (file.digest("sha512", encoding.base64_of), 1, 1),
    "fileexists": (file.exists, 1, 1),
    "filemd5": (file.digest("md5", bytes.hex), 1, 1),
    "fileset": (file.file_set, 2, 2),
    "filesha1": (file.digest("sha1", bytes.hex), 1, 1),
    "filesha256": (file.digest("sha256", bytes.hex), 1, 1),
    "filesha512": (file.digest("sha512", bytes.hex), 1, 1),
    "templatefile": (file.template, 2, 2),
}
LATER = frozenset(
    {"timestamp", "plantimestamp", "uuid", "bcrypt"}
)  # other at every run: known after apply
REFUSED = frozenset(
    {
        "base64gzip", "cidrhost", "cidrnetmask", "cidrsubnet", "cidrsubnets", "csvdecode",
        "defaults", "ephemeralasnull", "formatdate", "issensitive", "log", "rsadecrypt",
        "templatestring", "textdecodebase64", "textencodebase64", "timeadd", "timecmp", "type",
        "uuidv5", "yamldecode", "yamlencode",
    }
)  # fmt: skip
ELSEWHERE = "`terraform show -json` of a plan has the result: name that file in `reads`"


def attempt(at: Evaluator, call: s.Call) -> object:
    """try: the first that can be evaluated."""
    last: Fault | None = None
    for argument in call.arguments:
        try:
            return at.value(argument)
        except Fault as fault:
            last = fault
    raise Wrong(
        f"try() has nothing that can be evaluated; the last one: {last.message if last else 'none given'}"
    )


def can(at: Evaluator, call: s.Call) -> object:
    """can: can it be evaluated?"""
    try:
        found = at.value(call.arguments[0])
    except Fault:
        return False
    return found if isinstance(found, Unknown) else True


LAZY: dict[str, Callable[[Evaluator, s.Call], object]] = {"try": attempt, "can": can}


def call(at: Evaluator, expr: s.Call) -> object:
    """The value of a call. Raises Wrong, or Fault where an argument is at fault."""
    name = expr.name.removeprefix("core::")
    if name in LAZY:
        if not expr.arguments:
            raise Wrong(f"{name}() takes an expression")
        return LAZY[name](at, expr)
    found = FUNCTIONS.get(name) or READERS.get(name)
    if found is None:
        return missing(name, at.place(expr))
    function, least, most = found
    # nonsensitive() allows what a sensitive value cannot be used for; it is quoted nowhere all the same
    with at.scope.trace.part(VARIABLE if name == "nonsensitive" else SENSITIVE):
        arguments = spread(at, expr)
    if isinstance(arguments, Unknown):
        return arguments
    if not least <= len(arguments) <= most:
        wanted = (
            f"{least}"
            if least == most
            else f"{least} or more"
            if most == MANY
            else f"{least} to {most}"
        )
        plural = "" if wanted == "1" else "s"
        raise Wrong(f"{name}() takes {wanted} argument{plural}, not {len(arguments)}")
    if name == "sensitive":
        at.scope.trace.touch(SENSITIVE)
    unknown = hidden(name, arguments)
    if unknown is not None:
        return unknown
    return function(at, *arguments) if name in READERS else function(*arguments)


def missing(name: str, place: Place) -> Unknown:
    """A function that is not computed here. Raises Wrong for one that there is not."""
    if name in LATER:
        return Unknown(f"{name}()", f"{name}()", "computed", place)
    if name in REFUSED or "::" in name:
        message = f"the function {name}() is not computed here"
        return Unknown(f"{name}()", f"{name}()", "unsupported", place, message, ELSEWHERE)
    raise Wrong(f"there is no function {name}()")


def spread(at: Evaluator, expr: s.Call) -> list[object] | Unknown:
    """The arguments, the last one taken apart where `...` stands behind it."""
    arguments = [at.value(argument) for argument in expr.arguments]
    if expr.expand and arguments:
        last = arguments.pop()
        if isinstance(last, Unknown):
            return last
        arguments.extend(sequence(last))
    return arguments


def hidden(name: str, arguments: list[object]) -> Unknown | None:
    """The unknown that keeps a function from being computed."""
    if name not in SHALLOW:
        return unknown_in(arguments)
    if name in ("coalesce", "coalescelist"):  # they see by themselves how far they get
        return None
    return next((argument for argument in arguments if isinstance(argument, Unknown)), None)


def known(name: str) -> bool:
    """Is the function computed here?"""
    return name in FUNCTIONS or name in READERS or name in LAZY or name in LATER
