"""Functions that encode, decode and digest."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import urllib.parse
from collections.abc import Callable
from decimal import Decimal

from skerry.readers.terraform.value import Namespace, Unknown, Wrong, ordered, plain, show, text

# Go's encoding/json escapes these so that JSON can stand in HTML; Terraform leaves it at that.
ESCAPED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def encode_json(value: object) -> str:
    """jsonencode: keys in order, no blanks."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return show(value)
    if isinstance(value, str):
        found = json.dumps(value, ensure_ascii=False)
        for char, escaped in ESCAPED.items():
            found = found.replace(char, escaped)
        return found
    if isinstance(value, list):
        return "[" + ",".join(encode_json(item) for item in value) + "]"
    if isinstance(value, dict):
        return (
            "{"
            + ",".join(f"{encode_json(key)}:{encode_json(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, Namespace | Unknown):
        raise Wrong(
            f"`{value.name if isinstance(value, Namespace) else value.reference}` cannot be encoded"
        )
    raise Wrong("this value cannot be encoded as JSON")


def decode_json(value: object) -> object:
    """jsondecode."""
    try:
        return from_json(json.loads(text(value), parse_float=Decimal))
    except ValueError as error:
        # the text is the value itself, of which the error may name a part
        raise Wrong("this is no JSON: {0}", values=(error,)) from None


def from_json(value: object) -> object:
    """JSON's values as Terraform has them."""
    if isinstance(value, dict):
        return ordered((key, from_json(item)) for key, item in value.items())
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return plain(value) if isinstance(value, Decimal) else value


def base64_encode(value: object) -> object:
    """base64encode."""
    return base64.b64encode(text(value).encode()).decode()


def base64_decode(value: object) -> object:
    """base64decode."""
    try:
        return base64.b64decode(text(value), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Wrong("this is no base64 of a UTF-8 text") from None


def url_encode(value: object) -> object:
    """urlencode, as query strings have it."""
    return urllib.parse.quote_plus(text(value), safe="-_.~")


def digest(name: str, form: Callable[[bytes], str]) -> Callable[[object], object]:
    """md5, sha1, sha256, sha512 of a text."""

    def of(value: object) -> object:
        # usedforsecurity: a checksum of somebody's choice, which FIPS builds must compute as well.
        return form(hashlib.new(name, text(value).encode(), usedforsecurity=False).digest())

    return of


def base64_of(found: bytes) -> str:
    """base64."""
    return base64.b64encode(found).decode()
