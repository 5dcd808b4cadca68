"""The design document's own main.tf, unchanged, with a skerry.toml that the test writes."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.readers import project
from skerry.spec.distribution import Association, Ttl
from skerry.spec.project import Project

DOCUMENT = Path(__file__).resolve().parents[2].parent / "shared" / "document"
TOML = """format = 1
name = "document"
level = "LEVEL"
[function.request]
source = "lambda"
handler = "lambda_edge.handler"
[function.response]
source = "lambda"
handler = "lambda_edge.response_handler"
[function.origin_request]
source = "lambda"
handler = "lambda_edge.origin_request_handler"
[local]
vars = { environment = "dev" }
[local.origin]
S3-Website = "site"
API-Origin = "http://127.0.0.1:9000"
"graphql.example.com" = "http://127.0.0.1:9001"
"""
# line → code: each of the document's mistakes once
EXPECTED = [
    (4, "terraform.unresolved_reference"),
    (7, "terraform.unresolved_reference"),
    (25, "behavior.no_policy"),
    (36, "terraform.no_resource_type"),
    (41, "terraform.no_resource_type"),
    (45, "behavior.no_policy"),
    (56, "terraform.no_resource_type"),
    (66, "terraform.unresolved_reference"),
    (71, "terraform.undeclared_variable"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if not DOCUMENT.is_dir():
        pytest.skip("the document is not beside this checkout")
    (tmp_path / "site").mkdir()
    (tmp_path / "lambda").mkdir()
    shutil.copy(DOCUMENT / "main.tf", tmp_path)
    shutil.copy(DOCUMENT / "lambda_edge.py", tmp_path / "lambda")
    return tmp_path


def read(folder: Path, level: str = "warn") -> Project:
    (folder / "skerry.toml").write_text(TOML.replace("LEVEL", level))
    return project.read(folder, environment={})


@pytest.mark.parametrize("level", ["strict", "warn", "relaxed"])
def test_it_can_be_served_and_each_mistake_is_said_once(folder: Path, level: str) -> None:
    found = read(folder, level)
    lines = [(one.where.line, one.code) for one in found.findings if isinstance(one.where, Place)]
    assert lines == EXPECTED
    assert {one.level for one in found.findings} == {"warning"}


def test_what_it_says_is_what_is_read(folder: Path) -> None:
    one = read(folder).distributions[0]
    api, default = one.behaviors
    assert (api.pattern, api.origin, api.ttl) == ("/api/*", "API-Origin", Ttl(0, 0, 300))
    assert api.functions == (Association("origin-request", "origin_request"),)
    assert (default.pattern, default.viewer_protocol) == ("*", "redirect-to-https")
    assert default.compress
    assert [(each.event, each.function) for each in default.functions] == [
        ("viewer-request", "request"),
        ("viewer-response", "response"),
    ]
    assert [(each.id, each.kind, each.access) for each in one.origins] == [
        ("S3-Website", "s3", "oai"),
        ("API-Origin", "custom", "none"),
    ]
    assert one.aliases == ("www.example.com",)


def test_an_origin_that_is_not_mapped_is_what_makes_it_an_error(folder: Path) -> None:
    (folder / "skerry.toml").write_text(
        TOML.replace("LEVEL", "warn").replace('S3-Website = "site"\n', "")
    )
    found = project.read(folder, environment={})
    errors = [one for one in found.findings if one.level == "error"]
    assert [(one.code, str(one.where)) for one in errors] == [
        ("terraform.unresolved_reference", "main.tf:4:32")
    ]
    assert errors[0].hint.endswith('[local.origin]\nS3-Website = "./site"')


def test_it_is_quick(folder: Path) -> None:
    read(folder)
    best = 1.0
    for _ in range(10):
        start = time.perf_counter()
        project.read(folder, environment={})
        best = min(best, time.perf_counter() - start)
    assert best < 0.02
