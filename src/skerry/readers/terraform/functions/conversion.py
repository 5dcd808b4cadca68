"""Functions between types, and on whole paths."""

from __future__ import annotations

import os.path
import posixpath

from skerry.readers.terraform.evaluate import Evaluator
from skerry.readers.terraform.value import Set, boolean, kind, number, text


def to_string(value: object) -> object:
    """tostring."""
    return None if value is None else text(value)


def to_number(value: object) -> object:
    """tonumber."""
    return None if value is None else number(value)


def to_bool(value: object) -> object:
    """tobool."""
    return None if value is None else boolean(value)


def itself(value: object) -> object:
    """sensitive, nonsensitive: secrets are kept out of sight by what shows values, not here."""
    return value


def kind_of(value: object) -> object:
    """type, as a word; only `terraform console` has it."""
    return "set" if isinstance(value, Set) else kind(value)


def base(path: object) -> object:
    """basename."""
    return posixpath.basename(text(path).rstrip("/")) or (
        "/" if text(path).startswith("/") else "."
    )


def parent(path: object) -> object:
    """dirname."""
    return posixpath.normpath(posixpath.dirname(text(path)) or ".")


def absolute(at: Evaluator, path: object) -> object:
    """abspath."""
    return os.path.normpath(at.scope.folder / text(path))  # noqa: PTH  # pathlib keeps `..` as it is


def expanded(path: object) -> object:
    """pathexpand."""
    return os.path.expanduser(text(path))  # noqa: PTH111  # pathlib raises where there is no home
