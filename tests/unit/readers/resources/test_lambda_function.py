"""Functions: who they are, where their code lies, what runs here."""

from __future__ import annotations

from pathlib import Path

import pytest

from skerry.spec.function import Function
from skerry.spec.project import Project
from tests.support.files import BEHAVIOR, distribution, only, read, said

ORIGINS = '[local.origin]\napi = "live"\n'


def project(
    folder: Path,
    *,
    arn: str = "aws_lambda_function.edge.qualified_arn",
    more: str = "",
    toml: str = "",
    inside: str = "",
    files: dict[str, str] | None = None,
) -> Project:
    behavior = (
        BEHAVIOR
        + f'lambda_function_association {{\n  event_type = "viewer-request"\n  lambda_arn = {arn}\n}}\n'
    )
    resource = (
        f'resource "aws_lambda_function" "edge" {{\n  function_name = "edge-name"\n  role = "r"\n{inside}\n}}\n'
        if inside
        else ""
    )
    return read(
        folder, distribution(behavior=behavior) + resource + more, toml + ORIGINS, files=files
    )


BASE = '  handler = "app.handler"\n  runtime = "python3.11"\n'
ARCHIVE = (
    'data "archive_file" "a" {\n  type = "zip"\n  output_path = "${path.module}/out.zip"\n  %s\n}\n'
)


def test_a_folder_that_archive_file_packs(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        inside=BASE
        + "  filename = data.archive_file.a.output_path\n  timeout = 2\n  memory_size = 512\n",
        more=ARCHIVE % 'source_dir = "${path.module}/code"',
        files={"code/app.py": ""},
    )
    assert said(found) == []
    assert found.functions == (
        Function(
            "edge",
            str(tmp_path / "code"),
            "app.handler",
            "python3.11",
            memory_mb=512,
            timeout_s=2.0,
        ),
    )


def test_a_file_that_archive_file_packs(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        inside=BASE + "  filename = data.archive_file.a.output_path\n",
        more=ARCHIVE % 'source_file = "code/app.py"',
        files={"code/app.py": ""},
    )
    assert said(found) == []
    assert found.functions[0].source == str(tmp_path / "code")
    assert found.functions[0].timeout_s == 3.0  # Lambda's own default


def test_a_misspelt_function_is_asked_about(tmp_path: Path) -> None:
    found = project(
        tmp_path,
        arn="aws_lambda_function.edg.qualified_arn",
        inside=BASE + '  filename = "edge.zip"\n',
        files={"edge.zip": "PK"},
    )
    finding = only(found, "terraform.unresolved_reference")
    assert finding.level == "error"
    assert finding.message == "aws_lambda_function.edg.qualified_arn is declared nowhere"
    assert finding.hint.startswith("did you mean aws_lambda_function.edge? ")


def test_a_zip(tmp_path: Path) -> None:
    found = project(tmp_path, inside=BASE + '  filename = "edge.zip"\n', files={"edge.zip": "PK"})
    assert said(found) == []
    assert found.functions[0].source == str(tmp_path / "edge.zip")


def test_the_project_file_stands_over_the_resource(tmp_path: Path) -> None:
    toml = (
        '[function.edge]\nsource = "mine"\nhandler = "other.main"\npython = "venv"\n'
        'memory_mb = 64\ntimeout_s = 0.5\negress = "none"\n'
    )
    found = project(tmp_path, inside=BASE, toml=toml, files={"mine/other.py": "", "venv/x": ""})
    assert said(found) == []
    assert found.functions == (
        Function(
            "edge",
            str(tmp_path / "mine"),
            "other.main",
            "python3.11",
            str(tmp_path / "venv"),
            "none",
            64,
            0.5,
        ),
    )


@pytest.mark.parametrize(
    ("inside", "more", "code", "message"),
    [
        (BASE, "", "function.no_source", "does not say where its code lies"),
        (
            BASE + '  filename = "nope.zip"\n',
            "",
            "function.source_missing",
            "nope.zip, which is not there",
        ),
        (
            BASE + '  filename = "main.tf"\n',
            "",
            "function.source_missing",
            "which is neither a folder nor a zip",
        ),
        (
            BASE + "  filename = data.archive_file.a.output_path\n",
            ARCHIVE % 'source_dir = "gone"',
            "function.source_missing",
            "gone, which is not there",
        ),
        (
            BASE + "  filename = data.archive_file.a.output_path\n",
            ARCHIVE % "",
            "function.no_source",
            "neither source_dir nor source_file",
        ),
        (
            BASE + "  filename = aws_s3_object.x.key\n",
            'resource "aws_s3_object" "x" {}\n',
            "terraform.unresolved_reference",
            "where the code of edge lies cannot be told",
        ),
        (
            '  runtime = "python3.11"\n  handler = "nonsense"\n',
            "",
            "function.handler",
            'no handler of the form file.function ("nonsense")',
        ),
        (
            '  runtime = "nodejs20.x"\n  handler = "index.handler"\n',
            "",
            "function.runtime_not_built",
            "Node handlers come with a later version",
        ),
        (
            '  runtime = "java21"\n  handler = "x.y"\n',
            "",
            "function.runtime",
            "Lambda@Edge takes Python and Node only",
        ),
        (
            BASE + '  image_uri = "x"\n',
            "",
            "function.no_source",
            "is in a bucket or an image, which is not fetched",
        ),
    ],
)
def test_what_cannot_run_is_one_finding(
    tmp_path: Path, inside: str, more: str, code: str, message: str
) -> None:
    found = project(tmp_path, inside=inside, more=more)
    finding = only(found, code)
    assert finding.level == "error"
    assert message in finding.message


def test_another_python_is_a_note_and_too_long_a_warning(tmp_path: Path) -> None:
    inside = BASE.replace("3.11", "3.13") + '  filename = "edge.zip"\n  timeout = 60\n'
    found = project(tmp_path, inside=inside, files={"edge.zip": "PK"})
    assert only(found, "function.runtime_other").level == "note"
    assert only(found, "function.timeout").level == "warning"
    assert found.functions[0].timeout_s == 30.0


def test_a_missing_environment(tmp_path: Path) -> None:
    found = project(tmp_path, inside=BASE, toml='[function.edge]\nsource = "."\npython = ".venv"\n')
    assert only(found, "function.python").hint == "make it: python3 -m venv .venv"


@pytest.mark.parametrize(
    ("arn", "code"),
    [
        ("aws_lambda_function.edge.arn", "function.unversioned"),
        ('"${aws_lambda_function.edge.arn}:$LATEST"', "function.unversioned"),
        ('"arn:aws:lambda:us-east-1:123456789012:function:other:3"', "function.no_source"),
        ('"nonsense"', "function.arn"),
        ("aws_lambda_function.gone.qualified_arn", "terraform.unresolved_reference"),
        ("aws_lambda_edge_function.gone.qualified_arn", "terraform.no_resource_type"),
        ("module.gone.arn", "terraform.unresolved_reference"),
        ("var.arn", "terraform.unresolved_reference"),
    ],
)
def test_references(tmp_path: Path, arn: str, code: str) -> None:
    found = project(
        tmp_path, arn=arn, inside=BASE + '  filename = "edge.zip"\n', files={"edge.zip": "PK"}
    )
    assert only(found, code).level == ("warning" if code == "function.unversioned" else "error")


def test_a_function_that_the_project_file_alone_knows(tmp_path: Path) -> None:
    toml = '[function.other]\nsource = "code"\nhandler = "app.handler"\n'
    found = project(
        tmp_path,
        arn='"arn:aws:lambda:us-east-1:123456789012:function:other:3"',
        toml=toml,
        files={"code/app.py": ""},
    )
    assert said(found) == []
    assert found.functions[0].name == "other"


def test_the_hint_can_be_pasted(tmp_path: Path) -> None:
    found = project(tmp_path, arn="aws_lambda_edge_function.gone.qualified_arn")
    hint = only(found, "terraform.no_resource_type").hint
    assert hint.endswith('[function.gone]\nsource = "lambda"\nhandler = "app.handler"')


def test_the_same_name_in_two_modules(tmp_path: Path) -> None:
    module = (
        f'resource "aws_lambda_function" "edge" {{\n  function_name = var.name\n'
        f'  filename = "edge.zip"\n{BASE}}}\nvariable "name" {{}}\noutput "arn" {{\n'
        f"  value = aws_lambda_function.edge.qualified_arn\n}}\n"
    )
    calls = "".join(
        f'module "{name}" {{\n  source = "./m"\n  name = "{name}"\n}}\n' for name in "ab"
    )
    two = (
        'lambda_function_association {\n  event_type = "viewer-request"\n'
        "  lambda_arn = module.a.arn\n}\nlambda_function_association {\n"
        '  event_type = "viewer-response"\n  lambda_arn = module.b.arn\n}\n'
    )
    found = read(
        tmp_path,
        distribution(behavior=BEHAVIOR + two) + calls,
        ORIGINS,
        files={"m/main.tf": module, "edge.zip": "PK"},
    )
    assert said(found) == []
    assert [one.function for one in found.distributions[0].behaviors[0].functions] == [
        "edge",
        "module-b-edge",
    ]


def test_a_function_that_nobody_calls_is_nobody_s_concern(tmp_path: Path) -> None:
    text = 'resource "aws_lambda_function" "api" {\n  runtime = "java21"\n  image_uri = "x"\n  x = upper(1, 2)\n}\n'
    assert said(read(tmp_path, distribution() + text)) == []


def test_a_zip_that_is_not_built_yet(tmp_path: Path) -> None:
    inside = BASE + '  filename = "out.zip"\n  source_code_hash = filebase64sha256("out.zip")\n'
    toml = '[function.edge]\nsource = "code"\n'
    found = project(tmp_path, inside=inside, toml=toml, files={"code/app.py": ""})
    assert said(found) == [
        ("warning", "terraform.expression", "out.zip cannot be read: No such file or directory")
    ]


def test_code_in_a_bucket_can_lie_here(tmp_path: Path) -> None:
    inside = BASE + '  s3_bucket = "b"\n  s3_key = "k"\n'
    toml = '[function.edge]\nsource = "code"\n'
    found = project(tmp_path, inside=inside, toml=toml, files={"code/app.py": ""})
    assert said(found) == []


def test_a_function_that_is_called_is_looked_at(tmp_path: Path) -> None:
    inside = (
        BASE
        + '  filename = "edge.zip"\n  frobnicate = 1\n  vpc_config {\n    subnet_ids = ["x"]\n  }\n'
    )
    found = project(tmp_path, inside=inside, files={"edge.zip": "PK"})
    assert only(found, "terraform.unknown_argument").level == "error"
    assert only(found, "terraform.without_effect").level == "note"
