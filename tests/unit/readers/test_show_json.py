"""`terraform show -json`: a plan and a state say what the HCL beside them says.

The fixtures follow the documented format (Terraform, internals/json-format); the AWS provider that would write them
cannot be had here.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from skerry.readers import project, show_json
from skerry.readers.report import Report
from skerry.spec.distribution import Distribution
from skerry.spec.project import Project
from tests.support.files import codes, said

FULL = Path(__file__).resolve().parents[2] / "golden" / "terraform" / "full"


def full(folder: Path, reads: str, more: str = "") -> Project:
    """The golden project, read in one of its three forms."""
    shutil.copytree(FULL, folder, dirs_exist_ok=True)
    text = (folder / "skerry.toml").read_text()
    (folder / "skerry.toml").write_text(
        text.replace('name = "full"\n', f'name = "full"\nreads = ["{reads}"]\n{more}')
    )
    return project.read(folder, environment={}, python=(3, 11))


def settled(found: Project) -> Distribution:
    """The distribution without what may differ: ids, and the order of sets."""
    one = found.distributions[0]
    return msgspec.structs.replace(
        one,
        name="",
        id="",
        aliases=tuple(sorted(one.aliases)),
        origins=tuple(sorted(one.origins, key=lambda origin: origin.id)),
    )


@pytest.mark.parametrize("form", ["state.json", "plan.json"])
def test_it_says_what_the_hcl_says(tmp_path: Path, form: str) -> None:
    written = full(tmp_path / "hcl", ".")
    shown = full(tmp_path / "json", form)
    assert said(written) == []
    assert said(shown) == []
    assert settled(shown) == settled(written)
    assert [msgspec.structs.replace(one, source="") for one in shown.functions] == [
        msgspec.structs.replace(one, source="") for one in written.functions
    ]
    assert shown.functions[0].source == str(tmp_path / "json" / "edge")


def test_real_ids_are_kept(tmp_path: Path) -> None:
    assert full(tmp_path, "state.json").distributions[0].id == "E2FULL"


def test_what_a_plan_cannot_know_is_said(tmp_path: Path) -> None:
    text = (FULL / "plan.json").read_text()
    shutil.copytree(FULL, tmp_path, dirs_exist_ok=True)
    (tmp_path / "plan.json").write_text(
        text.replace("aws_cloudfront_cache_policy.api.id", "aws_x.api.id")
    )
    (tmp_path / "skerry.toml").write_text('reads = ["plan.json"]\n')
    found = project.read(tmp_path, environment={})
    error = next(one for one in found.findings if one.level == "error")
    assert error.code == "terraform.unresolved_reference"
    assert str(error.where) == "plan.json (aws_cloudfront_distribution.full)"


def test_another_format(tmp_path: Path) -> None:
    report = Report(tmp_path)
    document: dict[str, object] = {"format_version": "2.0", "values": {}}
    assert show_json.is_show(document)
    assert show_json.read(document, tmp_path / "s.json", tmp_path, report) == []
    assert [one.code for one in report.findings] == ["show_json.version"]


@pytest.mark.parametrize(
    "values",
    [
        None,
        {"root_module": None},
        {"root_module": {"resources": [None, {}, {"type": "aws_cloudfront_distribution"}]}},
        {
            "root_module": {
                "resources": [
                    {
                        "type": "aws_cloudfront_distribution",
                        "mode": "managed",
                        "address": "a",
                        "name": "a",
                        "values": {
                            "origin": [None, {"origin_id": 1}],
                            "default_cache_behavior": "x",
                        },
                    }
                ]
            }
        },
    ],
)
def test_nonsense_raises_nothing(tmp_path: Path, values: object) -> None:
    (tmp_path / "s.json").write_bytes(
        msgspec.json.encode({"format_version": "1.0", "values": values})
    )
    (tmp_path / "skerry.toml").write_text('reads = ["s.json"]\n')
    assert "error" in {one.level for one in project.read(tmp_path, environment={}).findings}
    assert codes(project.read(tmp_path, environment={}))


def constant(value: object) -> dict[str, object]:
    return {"constant_value": value}


def test_blocks_find_the_expressions_they_were_written_with() -> None:
    site: dict[str, object] = {"id": constant("site"), "list": constant(["b", "a"])}
    api: dict[str, object] = {"id": constant("api"), "port": constant(80)}
    blocks: list[object] = [{"id": "api", "port": "80"}, {"id": "site", "list": ["a", "b"]}]
    assert [written for _, written in show_json.matched(blocks, [site, api])] == [api, site]
    # without constants the order has to do, and nothing is used twice
    one: dict[str, object] = {"x": {"references": ["a.b.c"]}}
    two: dict[str, object] = {"x": {"references": ["d.e.f"]}}
    plain: list[object] = [{}, {}, {}]
    assert [written for _, written in show_json.matched(plain, [one, two])] == [one, two]
