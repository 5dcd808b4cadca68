"""Findings while reading: each said once, the worse one where two speak of the same thing."""

from __future__ import annotations

from pathlib import Path

from skerry.base.finding import Finding, Place, Severity
from skerry.readers import quote

WORSE = {"note": 0, "warning": 1, "error": 2}


class Report:
    """Collects findings and the files that were read. `about` is what makes two findings the same one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, None] = {}
        self._findings: dict[object, Finding] = {}
        self._wanted: dict[tuple[str, str], None] = {}
        self._hidden: dict[str, str] = {}

    def hide(self, value: str, written: str) -> None:
        """Remember that a text came through a variable, and the expression that it came from."""
        self._hidden[value] = quote.expression(written)

    def shown(self, value: str) -> str:
        """A name that several arguments share, as findings may say it: in quotes, or its expression."""
        return self._hidden.get(value) or quote.value(value)

    def called(self, value: str) -> str:
        """`shown`, without quotes."""
        return self._hidden.get(value, value)

    def name(self, path: Path) -> str:
        """A file's name as findings show it: relative to the project where it can be."""
        try:
            return path.relative_to(self.root).as_posix()
        except ValueError:
            return path.as_posix()

    def read(self, path: Path) -> str:
        """Remember that a file was read; its name."""
        name = self.name(path)
        self.files[name] = None
        return name

    def add(
        self,
        code: str,
        level: Severity,
        where: Place | str,
        message: str,
        hint: str = "",
        rule: str = "",
        about: object = None,
    ) -> None:
        """Say something. A second finding about the same thing replaces the first only if it is worse."""
        finding = Finding(code, level, where, message, hint, rule)
        key = (code, where, message) if about is None else about
        before = self._findings.get(key)
        if before is None or WORSE[level] > WORSE[before.level]:
            self._findings[key] = finding

    def want(self, kind: str, name: str) -> None:
        """Remember that skerry.toml could supply something: a `function`, a `variable`, an `origin`."""
        self._wanted[kind, name] = None

    def wanted(self, kind: str) -> list[str]:
        """The names of that kind that were missed."""
        return [name for one, name in self._wanted if one == kind]

    def said(self, about: object) -> bool:
        """Is there a finding about this already?"""
        return about in self._findings

    @property
    def errors(self) -> bool:
        """Is there anything that keeps the project from being served?"""
        return any(finding.level == "error" for finding in self._findings.values())

    @property
    def findings(self) -> tuple[Finding, ...]:
        """In the order of severity, then of place."""

        def order(finding: Finding) -> tuple[int, str, int, int, str]:
            where = finding.where
            spot = (
                (where.file, where.line, where.column) if isinstance(where, Place) else ("", 0, 0)
            )
            return (-WORSE[finding.level], *spot, finding.code)

        return tuple(sorted(self._findings.values(), key=order))
