from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from skerry.cli.init import draft, nearest
from skerry.cli.main import main
from skerry.readers import project
from tests.support.files import BEHAVIOR, ORIGIN, codes, distribution, write

S3 = (
    '  origin {\n    origin_id = "Site"\n'
    "    domain_name = aws_s3_bucket.gone.bucket_regional_domain_name\n"
    '    s3_origin_config {\n      origin_access_identity = ""\n    }\n  }\n'
)
ASSOCIATION = (
    'lambda_function_association {\n  event_type = "viewer-request"\n'
    "  lambda_arn = aws_lambda_function.gone.qualified_arn\n}\n"
)
FILES = {
    "infra/main.tf": distribution(
        top="comment = var.zone", origin=ORIGIN + S3, behavior=BEHAVIOR + ASSOCIATION
    )
    + 'variable "zone" {}\n',
    "infra/.terraform/modules/x.tf": distribution(),
    "edge/app.py": "def handler(event, context):\n    return event\n",
    "public/index.html": "",
}


def test_what_it_writes_can_be_served(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "shop", FILES)
    assert main(["init", str(folder)]) == 0
    assert "wrote" in capsys.readouterr().err
    written = tomllib.loads((folder / "skerry.toml").read_text())
    assert written == {
        "format": 1,
        "name": "shop",
        "reads": ["infra"],
        "function": {"gone": {"source": "edge", "handler": "app.handler"}},
        "local": {"vars": {"zone": "dev"}, "origin": {"Site": "./public"}},
    }
    assert (
        '# api = "http://127.0.0.1:9000"  # api.example.com' in (folder / "skerry.toml").read_text()
    )
    assert codes(project.read(folder, environment={}), "error") == []


def test_the_next_step_can_be_pasted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, command in ((".", "skerry check\n"), ("my infra", "skerry check 'my infra'\n")):
        write(tmp_path / folder, {"main.tf": distribution()})
        assert main(["init", folder]) == 0
        assert capsys.readouterr().err.endswith(f"next: {command}")


def test_it_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, {"skerry.toml": "format = 1\n", "main.tf": distribution()})
    assert main(["init", str(tmp_path)]) == 2
    assert "init.exists" in capsys.readouterr().err
    assert main(["init", str(tmp_path), "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("format = 1\nname = ")
    assert (tmp_path / "skerry.toml").read_text() == "format = 1\n"


def test_an_empty_folder_has_nothing_to_start_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "init.nothing" in said
    assert "skerry init FOLDER" in said, "not the command that was just typed"


def test_code_that_is_not_there_gets_a_line_to_fill_in(tmp_path: Path) -> None:
    write(tmp_path, {"main.tf": distribution(behavior=BEHAVIOR + ASSOCIATION)})
    assert 'source = "lambda"' in draft(tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("request", "e handler"),
        ("response", "e response_handler"),
        ("origin_request", "e origin_request_handler"),
        ("orign_request", "e handler"),
    ],
)
def test_the_nearest_handler(name: str, expected: str) -> None:
    assert (
        nearest(name, ["e origin_request_handler", "e response_handler", "e handler"]) == expected
    )
