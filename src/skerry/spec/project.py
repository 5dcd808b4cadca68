"""A project: everything that one folder wants to run."""

from __future__ import annotations

from typing import Literal

import msgspec

from skerry.base.finding import Finding
from skerry.spec.distribution import Distribution
from skerry.spec.function import Function
from skerry.spec.pop import Local

Profile = Literal["cloudfront", "rfc9111"]
Level = Literal["strict", "warn", "relaxed"]


class Project(msgspec.Struct, frozen=True):
    """What was read, and what there is to say about it.

    root      the project's folder, absolute
    files     every file that was read, relative to root: what `skerry up` watches
    findings  of reading; an `error` among them keeps the project from being served
    """

    root: str
    name: str
    profile: Profile = "cloudfront"
    level: Level = "warn"
    distributions: tuple[Distribution, ...] = ()
    functions: tuple[Function, ...] = ()
    local: Local = Local()
    files: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
