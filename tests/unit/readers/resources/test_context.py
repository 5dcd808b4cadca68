from __future__ import annotations

from pathlib import Path

from skerry.base.finding import Place
from skerry.readers.report import Report
from skerry.readers.resources.context import Context
from skerry.readers.resources.shape import Resource, Shape
from skerry.readers.settings import FunctionSettings, Settings


def test_who_answers_to_what(tmp_path: Path) -> None:
    archive = Resource(
        "data.archive_file.a",
        "archive_file",
        "a",
        Shape("archive_file", Place("f"), {"output_path": "./out/../x.zip"}),
        tmp_path,
        "data",
    )
    policy = Resource(
        "p", "aws_cloudfront_cache_policy", "p", Shape("p", Place("f")), tmp_path, ids={"id": "one"}
    )
    settings = Settings(tmp_path, "n", functions={"f": FunctionSettings(source="s")})
    context = Context(Report(tmp_path), settings, [archive, policy], (3, 11))
    assert context.by_id == {"one": policy}
    assert context.archives == {tmp_path.resolve() / "x.zip": archive}
    own = context.function_settings("f")
    assert own is not None
    assert own.source == "s"
    assert context.function_settings("g") is None
