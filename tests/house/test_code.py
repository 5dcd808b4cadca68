"""Every code that can be printed stands in a table, and every one there can be printed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from skerry.base import errors, reasons, tables
from tests.support import tree

CODE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
# codes that a room prints which is named otherwise: they wait for it
ROOMS = {"project": "readers"}
# tables of codes, all of one form; the second is the Rust core's own
TABLES = ["errors", "contract"]
CLASSES = {"config", "caller", "upstream", "code", "busy", "bug"}
RAISERS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.SkerryError)
} | {"Finding"}


def known() -> set[str]:
    """`room.code` of every entry."""
    return {code for code, _ in entries()}


def entries() -> Iterator[tuple[str, dict[str, str]]]:
    """(`room.code`, entry) of every table of codes."""
    for table in TABLES:
        for room, codes in tables.load(table).items():
            for code, entry in codes.items():
                yield f"{room}.{code}", entry


def room_of(code: str) -> str:
    """The folder that prints a code of ROOMS; for any other one that is there."""
    return ROOMS.get(code.split(".")[0], "base")


def first_code(call: ast.Call) -> str | None:
    """The literal code that a call of an error class or of Finding carries."""
    values = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    for value in values or call.args[:1]:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return None


def printed() -> Iterator[tuple[Path, int, str]]:
    """(file, line, code) wherever an error or a finding is made with a code in so many words."""
    for name in tree.having(".py", under="src"):
        for node in ast.walk(tree.parsed(name)):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func).split(".")[-1]
                code = first_code(node) if called in RAISERS else None
                if code is not None:
                    yield name, node.lineno, code


def test_what_is_printed_is_in_the_table() -> None:
    missing = [f"{name}:{line}: {code}" for name, line, code in printed() if code not in known()]
    assert not missing, "not in src/skerry/rules/errors.toml:\n" + "\n".join(missing)


def test_what_is_in_the_table_is_printed() -> None:
    said: set[str] = set()
    for name in tree.having(".py", ".rs", ".pyi"):
        if name.parts[0] in ("src", "crates"):
            said |= set(CODE.findall(tree.text(name)))
    awaited = {code for code in known() if not (tree.SRC / room_of(code)).is_dir()}
    assert not known() - said - awaited, "nothing prints them any more"


def test_every_entry_is_whole() -> None:
    for code, entry in entries():
        assert CODE.fullmatch(code)
        assert set(entry) == {"class", "meaning", "todo"}, code
        assert entry["class"] in CLASSES, code
        assert entry["meaning"].endswith("."), f"{code}: a sentence ends with a full stop"
        assert entry["todo"].endswith("."), f"{code}: a sentence ends with a full stop"


# Names with a hyphen in the Rust core that are no codes: fields of HTTP, attributes of serde, a name in an example.
NO_CODES = {
    *("cache-status", "content-length", "keep-alive", "proxy-connection", "transfer-encoding"),
    *("x-amz-cf-id", "x-amz-cf-pop", "x-cache", "http2-settings", "kebab-case"),
}
# x-edge-detailed-result-type where the result is Error (CloudFront Developer Guide, "Standard logging reference")
DETAILED = {
    *("AbortedOrigin", "ClientCommError", "ClientGeoBlocked", "ClientHungUpRequest", "Error"),
    *("InvalidRequest", "InvalidRequestBlocked", "InvalidRequestCertificate"),
    *("InvalidRequestHeader", "InvalidRequestMethod", "OriginCommError", "OriginConnectError"),
    *("OriginContentRangeLengthError", "OriginDnsError", "OriginError", "OriginHeaderTooBigError"),
    *("OriginInvalidResponseError", "OriginReadError", "OriginWriteError"),
    *("OriginZeroSizeObjectError", "SlowReaderOriginError"),
}
# the rooms whose names reach a viewer, a record or `Cache-Status`
CORE = ("crates/skerry-engine/src", "crates/skerry-cache/src")
NAMED = re.compile(r'(?<![b\\])"([a-z0-9]+(?:-[a-z0-9]+)+)"')
# a failure's name without a hyphen is seen where the failure is made
FAILED = re.compile(r'Failure::new\(\s*\d+,\s*"([a-z0-9-]+)"')
DOTTED = re.compile(r'(?<![b\\])"((?:cache|origin|function|engine)\.[a-z_]+)\b')


def core_names() -> Iterator[tuple[Path, str]]:
    """(file, name) of every string in the core that looks like a code; tests in the files are left out."""
    for name in tree.having(".rs"):
        if str(name).startswith(CORE):
            text = tree.text(name).partition("#[cfg(test)]")[0]
            for found in (*NAMED.findall(text), *FAILED.findall(text), *DOTTED.findall(text)):
                yield name, found


def test_what_the_core_says_can_be_explained() -> None:
    known = set(reasons.names()) | NO_CODES
    missing = sorted({f"{name}: {code}" for name, code in core_names() if code not in known})
    assert not missing, "not in failures.toml, reasons.toml or errors.toml:\n" + "\n".join(missing)


def test_what_the_table_of_failures_has_is_said_by_the_core() -> None:
    said = {code for _, code in core_names()}
    assert not set(tables.load("failures")) - said, "nothing says them any more"


def test_every_failure_is_whole() -> None:
    for code, entry in tables.load("failures").items():
        assert set(entry) == {"class", "detailed", "meaning", "todo"}, code
        assert entry["detailed"] in DETAILED, code
        assert entry["class"] in CLASSES, code
        assert entry["meaning"].endswith("."), code
        assert entry["todo"].endswith("."), code


def test_no_code_stands_twice() -> None:
    codes = [code for code, _ in entries()]
    assert len(codes) == len(set(codes))
