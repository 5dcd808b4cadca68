from __future__ import annotations

from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.readers import settings
from skerry.readers.report import Report
from skerry.spec.pop import Local, Pop

TEXT = """format = 1
name = "shop"
reads = ["infra"]
profile = "rfc9111"
level = "strict"
[origin.API]
shield = "eu-west"
[function.request]
source = "lambda"
handler = "app.handler"
python = ".venv"
egress = ["api.example.com"]
memory_mb = 256
timeout_s = 2.5
[local]
vars = { environment = "dev" }
http_port = 9000
pop.one = { at = "fra", origin_rtt_ms = 3 }
[local.origin]
API = "https://example.com/base"
Site = "site"
"""


def read(folder: Path, text: str) -> tuple[settings.Settings, Report]:
    (folder / "skerry.toml").write_text(text)
    report = Report(folder)
    return settings.read(folder, report), report


def test_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    found, report = read(tmp_path, TEXT)
    assert report.findings == ()
    assert (found.name, found.profile, found.level) == ("shop", "rfc9111", "strict")
    assert found.reads == (("infra", Place("skerry.toml", 3, 1)),)
    assert found.shields == {"API": "eu-west"}
    function = found.functions["request"]
    assert function.egress == ("api.example.com",)
    assert (function.memory_mb, function.timeout_s) == (256, 2.5)
    assert function.place == Place("skerry.toml", 8, 1)
    assert found.local == Local(
        http_port=9000,
        vars={"environment": "dev"},
        pops=(Pop("one", "fra", 3.0),),
        origins={"API": "https://example.com/base", "Site": "site"},
    )


def test_nothing_is_fine(tmp_path: Path) -> None:
    found = settings.read(tmp_path, Report(tmp_path))
    assert (found.present, found.name, found.local) == (False, tmp_path.name, Local())


def test_bad_toml_has_its_place(tmp_path: Path) -> None:
    _, report = read(tmp_path, "format = 1\nname = \n")
    assert [(one.code, one.where) for one in report.findings] == [
        ("toml.syntax", Place("skerry.toml", 2, 8))
    ]
    _, report = read(tmp_path, 'name = "x')
    assert [one.code for one in report.findings] == ["toml.syntax"]
    (tmp_path / "skerry.toml").write_bytes(b"\xff")
    report = Report(tmp_path)
    settings.read(tmp_path, report)
    assert [one.code for one in report.findings] == ["toml.unreadable"]


def test_a_pop_needs_a_place(tmp_path: Path) -> None:
    found, report = read(tmp_path, "[local]\npop.a = { origin_rtt_ms = 1 }\n")
    assert [one.where for one in report.findings] == [Place("skerry.toml", 2, 1)]
    assert found.local.pops == Local().pops


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "a b", "US", "-a", "a-", "a.b", "x" * 33, "log\\u001b"]
)
def test_a_pops_name_is_a_label_of_a_host(name: str, tmp_path: Path) -> None:
    """It becomes POP.skerry.localhost, engine-POP.sock and POP.log."""
    found, report = read(tmp_path, f'format = 1\n[local]\npop."{name}" = {{ at = "iad" }}\n')
    assert [finding.code for finding in report.findings] == ["toml.value"]
    assert found.local.pops == Local().pops


def test_the_nearest_place() -> None:
    places = {("local",): Place("f", 3), ("local", "origin"): Place("f", 5)}
    assert settings.nearest(places, ("local", "origin", "x")) == Place("f", 5)
    assert settings.nearest(places, ("local", "pop")) == Place("f", 3)
    assert settings.nearest(places, ("x",)) == Place("skerry.toml")
