"""Names and what they mean: variables, locals, resources, child modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.readers.report import Report
from skerry.readers.terraform.modules import Module
from skerry.readers.terraform.value import Unknown
from tests.support.files import write


def load(folder: Path, text: str, files: dict[str, str] | None = None) -> tuple[Module, Report]:
    write(folder, {"main.tf": text, **(files or {})})
    report = Report(folder)
    return Module(report, folder, folder), report


def outputs(module: Module) -> dict[str, object]:
    return {
        name: module.value(block.body.attributes["value"]) for name, block in module.outputs.items()
    }


def messages(report: Report) -> list[str]:
    return [f"{one.code} {one.where}: {one.message}" for one in report.findings]


def test_variables_locals_and_paths(tmp_path: Path) -> None:
    module, report = load(
        tmp_path,
        """
variable "n" {
  type    = number
  default = "2"
}
variable "missing" {}
locals {
  a = local.b + var.n
  b = 1
}
output "a" { value = local.a }
output "m" { value = "${path.module} ${path.root} ${terraform.workspace}" }
output "v" { value = var.missing }
output "u" { value = var.nowhere }
output "l" { value = local.nowhere }
""",
    )
    found = outputs(module)
    assert (found["a"], found["m"]) == (3, ". . default")
    whys = [found[name].why for name in "vul" if isinstance(found[name], Unknown)]
    assert whys == ["no_value", "undeclared", "undeclared"]
    assert report.findings == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'locals {\n  a = local.b\n  b = local.a\n}\noutput "o" {\n  value = local.a\n}\n',
            "`local.a` needs itself",
        ),
        (
            'variable "n" {\n  type    = number\n  default = "x"\n}\noutput "o" {\n  value = var.n\n}\n',
            "the value of var.n does not fit its type: a number is required, (not shown) is none",
        ),
        ('output "o" {\n  value = each.key\n}\n', "`each` means nothing here"),
        ('output "o" {\n  value = path.nowhere\n}\n', "there is no path.nowhere"),
        (
            'module "m" {\n  source = "./m"\n}\noutput "o" {\n  value = module.m.nope\n}\n',
            'the module "m" has no output "nope"',
        ),
    ],
)
def test_what_terraform_would_refuse_is_one_finding(
    tmp_path: Path, text: str, message: str
) -> None:
    module, report = load(tmp_path, text, {"m/main.tf": 'output "a" { value = 1 }\n'})
    outputs(module)
    outputs(module)
    assert [one.message for one in report.findings] == [message]
    assert report.findings[0].code == "terraform.expression"


def test_resources_by_count_and_for_each(tmp_path: Path) -> None:
    module, report = load(
        tmp_path,
        """
provider "aws" { region = "eu-west-1" }
resource "aws_s3_bucket" "one" { bucket = "one" }
resource "aws_s3_bucket" "many" {
  count  = 2
  bucket = "many-${count.index}"
}
resource "aws_s3_bucket" "named" {
  for_each = toset(["x", "y"])
  bucket   = "b-${each.value}"
}
resource "aws_s3_bucket" "none" { count = 0 }
output "one" { value = aws_s3_bucket.one.bucket_regional_domain_name }
output "two" { value = aws_s3_bucket.many[1].arn }
output "all" { value = aws_s3_bucket.many[*].bucket }
output "for" { value = [for key, b in aws_s3_bucket.named : "${key}=${b.id}"] }
output "key" { value = aws_s3_bucket.named["y"].bucket }
output "none" { value = try(aws_s3_bucket.none[0].id, "nothing") }
output "length" { value = length(aws_s3_bucket.many) }
""",
    )
    assert outputs(module) == {
        "one": "one.s3.eu-west-1.amazonaws.com",
        "two": "arn:aws:s3:::many-1",
        "all": ["many-0", "many-1"],
        "for": ["x=b-x", "y=b-y"],
        "key": "b-y",
        "none": "nothing",
        "length": 2,
    }
    assert report.findings == ()


def test_child_modules(tmp_path: Path) -> None:
    module, report = load(
        tmp_path,
        """
module "site" {
  source = "./modules/site"
  name   = "shop"
  bucket = aws_s3_bucket.b
}
module "many" {
  source   = "./modules/site"
  for_each = { x = 1, y = 2 }
  name     = each.key
  bucket   = aws_s3_bucket.b
}
resource "aws_s3_bucket" "b" { bucket = "b" }
output "a" { value = module.site.label }
output "b" { value = module.many["y"].label }
output "c" { value = module.site.domain }
output "d" { value = module.site.where }
""",
        {
            "modules/site/variables.tf": 'variable "name" {}\nvariable "bucket" {}\n'
            'variable "suffix" {\n  default = "x"\n}\n',
            "modules/site/main.tf": 'output "label" { value = "${var.name}-${var.suffix}" }\n'
            'output "domain" { value = var.bucket.bucket_domain_name }\n'
            'output "where" { value = path.module }\n',
        },
    )
    assert outputs(module) == {
        "a": "shop-x",
        "b": "y-x",
        "c": "b.s3.amazonaws.com",
        "d": "modules/site",
    }
    assert messages(report) == []


def test_modules_from_elsewhere_are_unknown_and_say_what_to_do(tmp_path: Path) -> None:
    module, _ = load(
        tmp_path,
        'module "m" {\n  source = "terraform-aws-modules/cloudfront/aws"\n}\n'
        'output "o" {\n  value = module.m.id\n}\n',
    )
    found = outputs(module)["o"]
    assert isinstance(found, Unknown)
    assert "comes from elsewhere" in found.message
    assert "terraform show -json" in found.hint


def test_unknown_variables_of_a_module_and_things_declared_twice(tmp_path: Path) -> None:
    module, report = load(
        tmp_path,
        'module "m" {\n  source = "./m"\n  nope = 1\n}\nlocals {}\nvariable "v" {}\nvariable "v" {}\n'
        'frobnicate "x" {}\nresource "a" {}\nx = 1\n',
        {"m/main.tf": ""},
    )
    module.children("m")
    assert messages(report) == [
        'terraform.unknown_argument main.tf:3:3: the module "m" has no variable "nope"',
        "terraform.declared_twice main.tf:7:1: variable v is declared twice",
        "terraform.unknown_block main.tf:8:1: Terraform has no block `frobnicate`",
        "terraform.syntax main.tf:9:1: a `resource` block has 2 labels, this has 1",
        "terraform.misplaced main.tf:10:1: `x` stands outside of any block",
    ]
    assert module.faulty


def test_a_module_that_calls_itself_ends(tmp_path: Path) -> None:
    module, _ = load(tmp_path, 'module "m" {\n  source = "./."\n}\n')
    current: object = module
    for _ in range(40):
        if not isinstance(current, Module):
            break
        current = current.children("m")
    assert isinstance(current, Unknown)
    assert current.message == "modules are nested too deeply"
