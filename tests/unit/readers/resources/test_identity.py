from __future__ import annotations

import re
import uuid

from skerry.readers.resources import identity


def test_ids_depend_on_the_address_alone() -> None:
    assert identity.short("a.b") == identity.short("a.b") != identity.short("a.c")
    assert re.fullmatch(r"E[0-9A-Z]{13}", identity.short("a.b"))
    assert uuid.UUID(identity.long("a.b")).version == 4


def test_every_maker_makes_texts() -> None:
    for kind in identity.MAKERS:
        found = identity.computed(f"{kind}.x", kind, {"bucket": "b"}, "eu-west-1")
        assert found, kind
        assert all(isinstance(value, str) and value for value in found.values())
    assert identity.computed("aws_lb.x", "aws_lb", {}, "eu-west-1") == {}


def test_buckets_without_a_name_get_one() -> None:
    assert (
        identity.computed("module.m.aws_s3_bucket.My_Site[0]", "aws_s3_bucket", {}, "r")["id"]
        == "my-site"
    )


def test_data() -> None:
    assert identity.data("aws_region", "eu-west-1")["region"] == "eu-west-1"
    assert identity.data("aws_ami", "eu-west-1") == {}
