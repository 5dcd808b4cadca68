"""The table itself; each function of it stands in golden/terraform/expressions.txt or has a test beside this one."""

from __future__ import annotations

from skerry.readers.terraform.functions.table import (
    FUNCTIONS,
    LATER,
    LAZY,
    READERS,
    REFUSED,
    SHALLOW,
    known,
)

# language/functions of Terraform 1.15; those of `terraform test` and of providers are not here
TERRAFORM = """
abs abspath alltrue anytrue base64decode base64encode base64gzip base64sha256 base64sha512 basename bcrypt can
ceil chomp chunklist cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce coalescelist compact concat contains
csvdecode dirname distinct element endswith ephemeralasnull file filebase64 filebase64sha256 filebase64sha512
fileexists filemd5 fileset filesha1 filesha256 filesha512 flatten floor format formatdate formatlist indent index
issensitive join jsondecode jsonencode keys length log lookup lower matchkeys max md5 merge min nonsensitive one
parseint pathexpand plantimestamp pow range regex regexall replace reverse rsadecrypt sensitive setintersection
setproduct setsubtract setunion sha1 sha256 sha512 signum slice sort split startswith strcontains strrev substr
sum templatefile templatestring textdecodebase64 textencodebase64 timeadd timecmp timestamp title tobool tolist
tomap tonumber toset tostring transpose trim trimprefix trimspace trimsuffix try type upper urlencode uuid uuidv5
values yamldecode yamlencode zipmap
"""


def test_every_function_of_terraform_is_computed_or_refused_by_name() -> None:
    ours = {*FUNCTIONS, *READERS, *LAZY, *LATER, *REFUSED}
    assert set(TERRAFORM.split()) - ours == set()
    assert ours - set(TERRAFORM.split()) == {"defaults"}  # of Terraform 0.15


def test_none_is_in_two_tables() -> None:
    tables: list[set[str]] = [set(FUNCTIONS), set(READERS), set(LAZY), set(LATER), set(REFUSED)]
    assert sum(len(one) for one in tables) == len(set[str]().union(*tables))
    assert set(FUNCTIONS) >= SHALLOW


def test_known() -> None:
    assert known("try")
    assert not known("cidrsubnet")
