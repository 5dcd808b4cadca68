"""Real clients against a project that runs. Without a client its tests are skips that tests/skips.toml knows."""

from __future__ import annotations

import http.server
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from skerry.testing.running import Running, run
from tests.support import tiny

CLIENT_S_MAX = 60
# long enough to be compressed, and for ranges
PAGE = (
    "<!doctype html><title>A page</title>\n"
    + "<p>Light for a doorstep, a deck and a book.</p>\n" * 200
)
API = """
  origin {
    origin_id   = "api"
    domain_name = "api.example.com"
    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }
  ordered_cache_behavior {
    path_pattern           = "/api/*"
    target_origin_id       = "api"
    allowed_methods        = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]
    cached_methods         = ["GET", "HEAD"]
    viewer_protocol_policy = "https-only"
    cache_policy_id        = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
  }
  ordered_cache_behavior {
    path_pattern           = "/secure/*"
    target_origin_id       = "site"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    viewer_protocol_policy = "redirect-to-https"
    compress               = true
    cache_policy_id        = "658327ea-f89d-4fab-a63d-7e88639e58f6"
  }
"""


class Length(http.server.BaseHTTPRequestHandler):
    """Answers how long the body was that came."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        told = str(len(self.rfile.read(int(self.headers["Content-Length"])))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One PoP with a bucket and an API, for all tests of a module: they count on no empty cache."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Length)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    folder = tiny.write(tmp_path_factory.mktemp("protocol"))
    for name in ("page.html", "secure/page.html"):
        (folder / "site" / name).parent.mkdir(exist_ok=True)
        (folder / "site" / name).write_text(PAGE)
    main = folder / "main.tf"
    main.write_text(
        main.read_text()
        .replace("  restrictions {", f"{API}  restrictions {{")
        .replace(
            "  enabled             = true\n", '  enabled = true\n  aliases = ["www.example.com"]\n'
        )
        .replace(
            'cache_policy_id        = "658', 'compress = true\n    cache_policy_id        = "658', 1
        )
    )
    settings = folder / "skerry.toml"
    settings.write_text(settings.read_text() + f'api = "http://127.0.0.1:{server.server_port}"\n')
    running = run(folder, tmp_path_factory.mktemp("run") / "site", pops=1)
    yield running
    running.stop()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a real client; its output. Skips where it is not installed."""

    def call(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        if shutil.which(words[0]) is None:
            pytest.skip(f"{words[0]} is not installed")
        ran = subprocess.run(
            words, capture_output=True, text=True, timeout=CLIENT_S_MAX, check=False, cwd=Path("/")
        )
        assert ran.returncode == code, (
            f"{' '.join(words)}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        )
        return ran

    return call
