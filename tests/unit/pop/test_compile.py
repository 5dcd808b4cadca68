"""Where origins are, line by line of [local.origin]."""

from __future__ import annotations

import pytest

from skerry.pop.compile import Ports, compile_project, moved_ports, paste, resolve_targets
from skerry.pop.snapshot import Target
from skerry.spec.distribution import Behavior, Distribution, Origin
from skerry.spec.function import Function
from skerry.spec.pop import Local
from skerry.spec.project import Project

SITE = Origin("S3-Website", "bucket.s3.eu-west-1.amazonaws.com", kind="s3", region="eu-west-1")
API = Origin("API", "api.example.com")


def project(origins: dict[str, str]) -> Project:
    web = Distribution("web", "E1", origins=(SITE, API), behaviors=(Behavior("*", "S3-Website"),))
    return Project("/shop", "shop", distributions=(web,), local=Local(origins=origins))


def folders(path: str) -> bool:
    return path in ("/shop/site", "/srv/site")


@pytest.mark.parametrize(
    ("value", "target", "code"),
    [
        ("./site", Target("folder", path="/shop/site"), None),
        ("site", Target("folder", path="/shop/site"), None),
        ("/srv/site", Target("folder", path="/srv/site"), None),
        ("http://127.0.0.1:9000", Target("url", url="http://127.0.0.1:9000"), None),
        ("HTTPS://Host/prefix/", Target("url", url="https://Host/prefix"), None),
        ("live", Target("live"), None),
        ("s3://b", Target("url", url="https://b.s3.eu-west-1.amazonaws.com"), "origin.unsigned"),
        (
            "s3://b/p/",
            Target("url", url="https://b.s3.eu-west-1.amazonaws.com/p"),
            "origin.unsigned",
        ),
        ("./gone", Target("unmapped", hint='S3-Website = "./gone"'), "origin.no_folder"),
        ("ftp://x", Target("unmapped", hint='S3-Website = "ftp://x"'), "origin.target"),
        ("http://", Target("unmapped", hint='S3-Website = "http://"'), "origin.target"),
        ("http://h:x", Target("unmapped", hint='S3-Website = "http://h:x"'), "origin.target"),
        ("http://u@h", Target("unmapped", hint='S3-Website = "http://u@h"'), "origin.target"),
        ("http://h/?q", Target("unmapped", hint='S3-Website = "http://h/?q"'), "origin.target"),
    ],
)
def test_values(value: str, target: Target, code: str | None) -> None:
    targets, findings = resolve_targets(project({"S3-Website": value, "API": "live"}), folders)
    assert targets["S3-Website"] == target
    assert targets[SITE.domain] == target, "a function may turn to it by its host"
    assert [finding.code for finding in findings] == ([code] if code else [])


def test_an_unmapped_origin_says_what_to_paste() -> None:
    targets, findings = resolve_targets(project({}), folders)
    assert targets["API"] == Target(
        "unmapped", hint='in skerry.toml:\n[local.origin]\nAPI = "http://127.0.0.1:9000"'
    )
    assert targets["S3-Website"].hint == 'in skerry.toml:\n[local.origin]\nS3-Website = "./site"'
    assert not findings, "the reader tells of it, with its place"


def test_a_host_maps_too_and_may_be_one_that_a_function_sets() -> None:
    given = {
        "api.example.com": "http://127.0.0.1:1",
        "graphql.example.com": "live",
        "S3-Website": "live",
    }
    targets, findings = resolve_targets(project(given), folders)
    assert targets["API"] == targets["api.example.com"] == Target("url", url="http://127.0.0.1:1")
    assert targets["graphql.example.com"] == Target("live", url="https://graphql.example.com")
    assert not findings


def test_a_misspelt_id_is_a_finding() -> None:
    given = {"S3-Website": "live", "API": "live", "S3-Websit": "./site"}
    _targets, findings = resolve_targets(project(given), folders)
    assert [(finding.code, finding.hint) for finding in findings] == [
        ("origin.unknown", "did you mean S3-Website?")
    ]


@pytest.mark.parametrize(
    ("key", "line"),
    [("a-b_1", 'a-b_1 = "v"'), ("a.b", '"a.b" = "v"'), ('a"b', '"a\\"b" = "v"'), ("", '"" = "v"')],
)
def test_pasted_lines_are_toml(key: str, line: str) -> None:
    import tomllib

    assert paste(key, "v") == line
    assert tomllib.loads(line) == {key: "v"}


def test_snapshots() -> None:
    functions = (Function("good", "/f", "a.b", timeout_s=1.5), Function("bad", "/f", "a.c"))
    made = project({"S3-Website": "live", "API": "live"})
    import msgspec

    compiled = compile_project(
        msgspec.structs.replace(made, functions=functions),
        version=7,
        versions={"good": "d1"},
        ports={"us-east": Ports(80), "eu-west": Ports(81, 82)},
        is_folder=folders,
    )
    assert list(compiled.snapshots) == ["us-east", "eu-west"]
    snapshot = compiled.snapshots["eu-west"]
    assert (snapshot.version, snapshot.http_port, snapshot.https_port) == (7, 81, 82)
    assert snapshot.pop.at == "dub"
    assert [(each.name, each.version, each.timeout_ms) for each in snapshot.functions] == [
        ("good", "d1", 1500),
        ("bad", "", 30_000),
    ]
    assert compiled.findings == (), "`--pop` leaves PoPs out on purpose"


def test_a_pop_that_came_while_running_needs_a_restart() -> None:
    made = project({"S3-Website": "live", "API": "live"})
    compiled = compile_project(
        made,
        version=1,
        versions={},
        ports={"us-east": Ports(80), "mars": Ports(81)},
        is_folder=folders,
    )
    assert [(finding.code, finding.where) for finding in compiled.findings] == [
        ("pop.needs_restart", "PoP mars")
    ]


def test_no_deadline() -> None:
    import msgspec

    made = msgspec.structs.replace(project({}), functions=(Function("f", "/f", "a.b"),))
    compiled = compile_project(
        made,
        version=1,
        versions={},
        ports={"us-east": Ports(80)},
        is_folder=folders,
        deadlines=False,
    )
    assert compiled.snapshots["us-east"].functions[0].timeout_ms == 86_400_000


def test_ports_that_the_file_has_changed_need_a_restart() -> None:
    began = Local()
    assert moved_ports(began, began) == []
    (found,) = moved_ports(began, Local(https_port=9443))
    assert (found.code, found.where) == ("pop.needs_restart", "[local] https_port")
    assert "is 9443 now" in found.message
    assert str(began.https_port) in found.message
    assert len(moved_ports(began, Local(http_port=1, https_port=2))) == 2
