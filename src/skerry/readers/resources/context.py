"""What is known while resources become `spec`: the report, the settings, and who answers to which id."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from skerry.readers.report import Report
from skerry.readers.resources.shape import Resource
from skerry.readers.settings import FunctionSettings, Settings
from skerry.spec.function import Function


class Context:
    """Shared by all builders of one project. `functions` fills while behaviors name them."""

    def __init__(
        self,
        report: Report,
        settings: Settings,
        resources: Iterable[Resource],
        python: tuple[int, int],
    ) -> None:
        self.report = report
        self.settings = settings
        self.python = python
        self.resources = list(resources)
        self.by_id: dict[str, Resource] = {}
        self.archives: dict[Path, Resource] = {}
        for resource in self.resources:
            for name in resource.ids.values():
                self.by_id.setdefault(name, resource)
            if resource.type != "archive_file":
                continue
            path = resource.shape.values.get("output_path")
            if isinstance(path, str):
                self.archives[(resource.folder / path).resolve()] = resource
        self.functions: dict[str, Function] = {}
        self.function_names: dict[str, str] = {}  # address → name in functions
        self.called: dict[
            str, Resource
        ] = {}  # address → resource of a function that a behavior names

    @property
    def local_origins(self) -> dict[str, str]:
        """[local.origin]."""
        return self.settings.local.origins

    @property
    def shields(self) -> dict[str, str]:
        """[origin.NAME] shield."""
        return self.settings.shields

    def function_settings(self, name: str) -> FunctionSettings | None:
        """[function.NAME]."""
        return self.settings.functions.get(name)
