"""The design document's own project at work: its files unchanged, real processes, real requests."""

from __future__ import annotations

import http.server
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from skerry.testing.plugin import Start
from skerry.testing.ports import free
from skerry.testing.running import ca_of
from skerry.testing.viewer import ask
from tests.support import tree
from tests.support.wait import until

DOCUMENT = tree.ROOT.parent / "shared" / "document"
TOML = """format = 1
name = "document"
level = "warn"
[function.request]
source = "lambda"
handler = "lambda_edge.handler"
[function.response]
source = "lambda"
handler = "lambda_edge.response_handler"
[function.origin_request]
source = "lambda"
handler = "lambda_edge.origin_request_handler"
[local]
vars = { environment = "dev" }
[local.origin]
S3-Website = "site"
API-Origin = "http://127.0.0.1:9000"
"graphql.example.com" = "http://127.0.0.1:9001"
"""
# The document's third handler, as its text means it to be used: at the site's behavior, asked for /graphql.
SECOND_TF = """
resource "aws_cloudfront_distribution" "second" {
  enabled = true
  aliases = ["second.example.com"]
  origin {
    origin_id   = "S3-Website"
    domain_name = "website.s3.us-east-1.amazonaws.com"
    s3_origin_config { origin_access_identity = "" }
  }
  default_cache_behavior {
    target_origin_id       = "S3-Website"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    viewer_protocol_policy = "allow-all"
    cache_policy_id        = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    lambda_function_association {
      event_type = "origin-request"
      lambda_arn = aws_lambda_edge_function.origin_request.qualified_arn
    }
  }
  restrictions {
    geo_restriction { restriction_type = "none" }
  }
  viewer_certificate { cloudfront_default_certificate = true }
}
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


class Api(http.server.BaseHTTPRequestHandler):
    """The API behind the distribution; keeps what it was asked with."""

    keys: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.keys.append(self.headers["X-Api-Key"])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def api() -> Iterator[int]:
    Api.keys.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path, api: int) -> Path:
    if not DOCUMENT.is_dir():
        pytest.skip("the document is not beside this checkout")
    root = tmp_path / "document"
    (root / "lambda").mkdir(parents=True)
    shutil.copy(DOCUMENT / "main.tf", root)
    shutil.copy(DOCUMENT / "lambda_edge.py", root / "lambda")
    for page in ("index.html", "mobile/index.html"):
        (root / "site" / page).parent.mkdir(parents=True, exist_ok=True)
        (root / "site" / page).write_text(page)
    (root / "skerry.toml").write_text(TOML.replace(":9000", f":{api}"))
    return root


@contextmanager
def on_a_terminal_s_left(folder: Path) -> Iterator[tuple[int, Path]]:
    """`skerry up` in the foreground: the first PoP's TLS port, and the file that takes what it says."""
    first = free()[0]
    settings = folder / "skerry.toml"
    settings.write_text(
        settings.read_text().replace(
            "[local]\n", f"[local]\nhttp_port = {first}\nhttps_port = {free()[0]}\n"
        )
    )
    said = folder.parent / "said.txt"
    with said.open("w") as out:
        up = subprocess.Popen(
            [sys.executable, "-m", "skerry.cli.main", "up", "--pop", "1"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
            env={**os.environ, "PYTHONPATH": str(tree.SRC.parent)},
        )
    assert up.stdout is not None
    try:
        for line in up.stdout:
            if line.startswith("  skerry purge"):
                break
        assert up.poll() is None, said.read_text()
        yield int(settings.read_text().partition("https_port = ")[2].split()[0]), said
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(30)
        up.stdout.close()


def test_at_warn_it_serves(folder: Path, skerry_project: Start) -> None:
    site = skerry_project(folder, pops=1)
    plain = site.get("/", tls=False)
    assert plain.status == 301
    assert plain.header("Location") == f"https://localhost:{site.port()}/"
    first, again = site.get("/"), site.get("/")
    assert (first.status, first.cache, first.text) == (200, "Miss", "index.html")
    assert (again.status, again.cache) == (200, "Hit")
    assert again.header("Strict-Transport-Security") == "max-age=31536000; includeSubDomains"
    assert again.header("X-Content-Type-Options") == "nosniff"
    assert again.header("Cache-Control") == "public, max-age=31536000"
    # The handler puts /mobile before the default root object is there: the bucket has no such key.
    assert site.get("/", headers={"User-Agent": "x Mobile"}).status == 403
    phone = site.get("/index.html", headers={"User-Agent": "x Mobile"})
    assert (phone.status, phone.text) == (200, "mobile/index.html")
    called = site.get("/api/x")
    assert (called.status, called.text) == (200, "ok")
    assert Api.keys == ["your-api-key"], "the handler's key reaches the origin"
    assert "your-api-key" not in str(called.headers)


def test_each_finding_is_printed_once_with_its_rule(folder: Path) -> None:
    with on_a_terminal_s_left(folder) as (port, said):
        ca = ca_of(os.environ)
        for _ in range(3):
            assert ask(port, "/", ca=ca).status == 200
        until(
            lambda: "function.header_disallowed" in said.read_text(), what="the finding of a call"
        )
        assert ask(port, "/", ca=ca).status == 200
    text = said.read_text()
    heads = [line for line in text.splitlines() if line.startswith(("warning[", "error["))]
    assert len(heads) == len(set(heads)) == 10
    assert sum("x-edge-location" in line for line in heads) == 1
    blocks = text.split("\nwarning[")[1:]
    silent = [block.splitlines()[0] for block in blocks if "\n  rule: " not in block]
    assert not silent, silent


def test_at_strict_the_viewer_request_handler_is_a_502(folder: Path, skerry_project: Start) -> None:
    site = skerry_project(folder, level="strict", pops=1)
    refused = site.get("/", headers={"Accept": "application/json"})
    assert refused.status == 502
    assert "x-edge-location" in refused.text
    assert refused.request_id in refused.text
    page = site.get("/", headers={"Accept": "text/html"})
    assert page.status == 502
    assert "x-edge-location" in page.text
    assert "viewer_request" in page.text, "the step is named"
    told = site.skerry("explain", refused.request_id)
    assert "x-edge-location" in told.stdout


@pytest.mark.parametrize("level", ["strict", "warn", "relaxed"])
def test_its_origin_request_handler_meets_a_bucket(
    folder: Path, skerry_project: Start, level: str
) -> None:
    (folder / "second.tf").write_text(SECOND_TF)
    site = skerry_project(folder, level=level, pops=1)
    failed = site.get("/graphql", host="second.example.com")
    assert failed.status == 503, "a handler that raised is the cloud's 503 at every level"

    def logged() -> bool:
        told = site.skerry("logs")
        return "KeyError: 'custom'" in told.stdout and failed.request_id in told.stdout

    assert until(logged, within_s=15, what="the KeyError in `skerry logs`")
    assert site.get("/index.html", host="second.example.com").status == 200
