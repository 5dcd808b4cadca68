"""Names of log files: one format a file."""

from __future__ import annotations

import pytest

from skerry.pop.logfile import file_of, source_of


@pytest.mark.parametrize(
    ("format", "name"), [("json", "us-east.log"), ("standard", "us-east.standard.log")]
)
def test_a_file_has_one_format(format: str, name: str) -> None:
    assert file_of("us-east", format) == name
    assert source_of(name.removesuffix(".log")) == "us-east"
