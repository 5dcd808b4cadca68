"""Folders → resources: dynamic blocks, modules, files that are not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.readers.report import Report
from skerry.readers.resources.shape import Resource
from skerry.readers.terraform.read import read
from tests.support.files import write


def resources(folder: Path, files: dict[str, str]) -> tuple[list[Resource], Report]:
    report = Report(folder)
    found = read(write(folder, files), {}, {}, report)
    for one in found:
        assert one.shape.kind == one.type  # evaluated now, with its findings
    return found, report


def test_blocks_and_dynamic_blocks(tmp_path: Path) -> None:
    found, report = resources(
        tmp_path,
        {
            "main.tf": """
resource "aws_cloudfront_distribution" "d" {
  enabled = true
  origin { origin_id = "a" }
  dynamic "origin" {
    for_each = ["b", "c"]
    content {
      origin_id = origin.value
      dynamic "custom_header" {
        for_each = { X = "1", Y = "2" }
        iterator = header
        content {
          name  = header.key
          value = "${origin.key}-${header.value}"
        }
      }
    }
  }
  lifecycle { ignore_changes = all }
}
"""
        },
    )
    assert report.findings == ()
    shape = found[0].shape
    assert [one.values["origin_id"] for one in shape.all("origin")] == ["a", "b", "c"]
    headers = [header.values for header in shape.all("origin")[2].all("custom_header")]
    assert headers == [{"name": "X", "value": "1-1"}, {"name": "Y", "value": "1-2"}]
    assert shape.where("enabled") == Place("main.tf", 3, 3)
    assert "lifecycle" not in shape.blocks


def test_modules_below_are_read_too(tmp_path: Path) -> None:
    found, report = resources(
        tmp_path,
        {
            "main.tf": 'module "a" {\n  source = "./a"\n  count = 2\n}\n',
            "a/main.tf": 'module "b" {\n  source = "../b"\n}\n',
            "b/main.tf": 'resource "aws_cloudfront_cache_policy" "p" {\n  name = "p"\n}\n',
        },
    )
    assert report.findings == ()
    assert [one.address for one in found] == [
        "module.a[0].module.b.aws_cloudfront_cache_policy.p",
        "module.a[1].module.b.aws_cloudfront_cache_policy.p",
    ]
    assert found[0].ids["id"] != found[1].ids["id"]


def test_a_broken_file_says_all_its_faults_and_nothing_else(tmp_path: Path) -> None:
    found, report = resources(
        tmp_path,
        {
            "a.tf": 'resource "aws_cloudfront_distribution" "d" {\n  enabled = \n  origin {\n  x = [\n}\n',
            "b.tf": "y = = 1\n",
        },
    )
    assert found == []
    assert {one.code for one in report.findings} == {"terraform.syntax"}
    assert {one.where.file for one in report.findings if isinstance(one.where, Place)} == {
        "a.tf",
        "b.tf",
    }
    assert len(report.findings) >= 3


@pytest.mark.parametrize(
    ("files", "code", "level"),
    [
        ({"main.tf": "", "x.tf.json": "{}"}, "terraform.json_syntax", "error"),
        ({"main.tf": "", "x_override.tf": ""}, "terraform.override", "error"),
        ({"main.tf": 'module "m" {\n  source = "git::x"\n}\n'}, "terraform.module", "warning"),
        ({"main.tf": 'module "m" {\n  source = "./nope"\n}\n'}, "terraform.module", "error"),
        (
            {"main.tf": 'module "m" {\n  source = "./e"\n}\n', "e/x.txt": ""},
            "terraform.module",
            "error",
        ),
        (
            {"main.tf": 'resource "aws_cloudfront_multitenant_distribution" "d" {}\n'},
            "terraform.not_built",
            "error",
        ),
        (
            {
                "main.tf": 'resource "aws_cloudfront_distribution" "d" {\n  for_each = data.x.y.z\n}\n'
            },
            "terraform.unsupported",
            "error",
        ),
        (
            {
                "main.tf": (
                    'resource "aws_cloudfront_distribution" "d" {\n  dynamic "origin" {\n'
                    "    for_each = data.x.y.z\n    content {}\n  }\n}\n"
                )
            },
            "terraform.unsupported",
            "error",
        ),
        (
            {
                "main.tf": (
                    'resource "aws_cloudfront_distribution" "d" {\n  dynamic "origin" {\n'
                    "    for_each = 1\n    content {}\n  }\n}\n"
                )
            },
            "terraform.expression",
            "error",
        ),
        (
            {"main.tf": 'resource "aws_cloudfront_distribution" "d" {\n  dynamic "origin" {}\n}\n'},
            "terraform.syntax",
            "error",
        ),
    ],
)
def test_what_is_not_read_is_said(
    tmp_path: Path, files: dict[str, str], code: str, level: str
) -> None:
    _, report = resources(tmp_path, files)
    assert [(one.code, one.level) for one in report.findings] == [(code, level)]


def test_one_broken_file_holds_up_the_others(tmp_path: Path) -> None:
    good = 'resource "aws_cloudfront_cache_policy" "p" {\n  name = "p"\n}\n'
    found, report = resources(tmp_path, {"a.tf": good, "b.tf": "x = [\n"})
    assert found == []
    assert [one.code for one in report.findings] == ["terraform.syntax"]
