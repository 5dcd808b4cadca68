from __future__ import annotations

from pathlib import Path

import pytest

from skerry.readers.report import Report
from skerry.readers.terraform.evaluate import Fault
from skerry.readers.terraform.variables import collect


def test_the_last_one_wins(tmp_path: Path) -> None:
    (tmp_path / "terraform.tfvars").write_text('a = "file"\nb = "file"\nc = "file"\n')
    (tmp_path / "terraform.tfvars.json").write_text('{"j": {"k": [1, 2.5]}}')
    (tmp_path / "x.auto.tfvars").write_text('c = "auto"\nd = ["x", { y = 1 }]\n')
    report = Report(tmp_path)
    found = collect(
        tmp_path,
        {"d2": 1.5, "b": "given", "deep": {"z": [1, True], "a": None}},
        {"TF_VAR_a": "environment", "TF_VAR_e": '["p", "q"]', "TF_VAR_bad": "[x", "OTHER": "x"},
        report,
    )
    values = {name: value() for name, value in found.items()}
    assert {name: values[name] for name in "abc"} == {"a": "file", "b": "given", "c": "auto"}
    assert values["d"] == ["x", {"y": 1}]
    assert values["e"] == ["p", "q"]
    assert values["bad"] == "[x"
    assert str(values["d2"]) == "1.5"
    assert values["deep"] == {"a": None, "z": [1, True]}
    assert str(values["j"]) == "{'k': [1, Decimal('2.5')]}"
    assert "OTHER" not in found
    assert list(report.files) == ["terraform.tfvars", "terraform.tfvars.json", "x.auto.tfvars"]


def test_what_a_value_file_cannot_hold(tmp_path: Path) -> None:
    (tmp_path / "terraform.tfvars").write_text("a = var.b\nblock {}\nc = [\n")
    (tmp_path / "terraform.tfvars.json").write_text("[1]")
    report = Report(tmp_path)
    found = collect(tmp_path, {}, {}, report)
    assert sorted(one.code for one in report.findings) == [
        "terraform.misplaced",
        "terraform.syntax",
        "terraform.syntax",
    ]
    with pytest.raises(Fault) as caught:
        found["a"]()
    assert "cannot refer to anything" in caught.value.message
