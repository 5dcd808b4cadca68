"""`skerry up` with one PoP and one viewer-request function that answers with its caller's nonce."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.node import alive, family, free_ports
from tests.support.wait import until

SOURCE = Path(__file__).parents[2] / "src"
POP = "us-east"
TIMEOUT_S = 1

HANDLER = """
import os
import threading
import time

EDITION = "first"


def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    kind = request["uri"][1:]
    nonce = request["headers"].get("x-nonce", [{"value": ""}])[0]["value"]
    if kind == "sleep":
        time.sleep(0.01)
    elif kind == "print":
        print("printed by", nonce)
    elif kind == "raise":
        raise RuntimeError(nonce)
    elif kind == "die":
        os._exit(3)
    elif kind == "late":
        threading.Event().wait()  # for ever
    said = [{"key": "X-Nonce", "value": nonce}]
    edition = [{"key": "X-Edition", "value": EDITION}]
    headers = {"x-nonce": said, "x-edition": edition}
    return {"status": "200", "statusDescription": "OK", "headers": headers, "body": nonce}
"""

TERRAFORM = """
resource "aws_lambda_function" "echo" {
  function_name = "echo"
  filename      = "echo.zip"
  handler       = "app.handler"
  runtime       = "python3.11"
  role          = "arn:aws:iam::123456789012:role/edge"
  publish       = true
  timeout       = %d
}
resource "aws_cloudfront_distribution" "site" {
  enabled = true
  origin {
    domain_name = "origin.example.com"
    origin_id   = "files"
    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "http-only"
      origin_ssl_protocols   = ["TLSv1.2"]
    }
  }
  default_cache_behavior {
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    target_origin_id       = "files"
    viewer_protocol_policy = "allow-all"
    cache_policy_id        = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    lambda_function_association {
      event_type = "viewer-request"
      lambda_arn = aws_lambda_function.echo.qualified_arn
    }
  }
  restrictions {
    geo_restriction { restriction_type = "none" }
  }
  viewer_certificate { cloudfront_default_certificate = true }
}
"""

PROJECT = """
format = 1
name = "echo"

[function.echo]
source = "lambda"
handler = "app.handler"

[local]
http_port = %d
https_port = %d
pop.us-east = { at = "iad", origin_rtt_ms = 0 }

[local.origin]
files = "http://127.0.0.1:9"
"""


@dataclass
class EchoRun:
    """A running one."""

    root: Path
    port: int
    engine: str = f"engine-{POP}"

    def _parts(self) -> dict[str, Any]:
        return dict(json.loads((self.root / ".skerry" / "run" / "parts.json").read_text()))

    @property
    def init(self) -> int:
        """Pid of init."""
        return int(self._parts()["init"])

    def pid(self, part: str) -> int:
        """Pid of a part that is ready; 0 while none is."""
        told = self._parts()["parts"][part]
        return int(told["pid"]) if told["state"] == "ready" else 0

    def workers(self) -> list[int]:
        """Pids of the function's workers; init is their parent."""
        init = self.init
        children = Path(f"/proc/{init}/task/{init}/children").read_text().split()
        return [int(pid) for pid in children if name_of(int(pid)) == "skerry:echo"]

    def kill(self, pid: int) -> None:
        """kill -9, of a process that may have ended by itself."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def page(self, path: str) -> tuple[int, str, str]:
        """Status, edition of the handler and text of one answer, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers={"X-Nonce": "n"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers.get("X-Edition", ""), text

    def standing(self) -> dict[str, int]:
        """What must not grow: descriptors of each part, and the processes of the run."""
        parts = {part: self.pid(part) for part in ("control", "launcher", self.engine)}
        found = {part: descriptors(pid) for part, pid in (parts | {"init": self.init}).items()}
        return found | {"processes": len(family(self.init))}

    def log(self) -> str:
        """What the run has said of itself."""
        return "".join(
            path.read_text()[-4000:] for path in (self.root / ".skerry" / "log").glob("*.log")
        )

    def save(self, edition: str) -> None:
        """Write the handler anew, as an editor does."""
        (self.root / "lambda" / "app.py").write_text(HANDLER.replace('"first"', repr(edition)))

    def skerry(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`skerry WORDS` in the project's folder."""
        return run_skerry(self.root, *words)


def name_of(pid: int) -> str:
    """The name that a process has given itself; empty once it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def descriptors(pid: int) -> int:
    """How many a process has open; 0 once it is gone."""
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def run_skerry(root: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command line as people run it."""
    done = subprocess.run(
        [sys.executable, "-m", "skerry.cli.main", *words],
        cwd=root,
        env={
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "XDG_DATA_HOME": str(root / "data"),
            **variables,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"skerry {words}: {done.stdout}{done.stderr}"
    return done


@contextmanager
def running_echo(*flags: str, handler: str = HANDLER, **variables: str) -> Iterator[EchoRun]:
    """Up, then down. In a folder that others can read, so that workers have users of their own where we are root."""
    with tempfile.TemporaryDirectory(prefix="skerry-echo-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        port = free_ports(2)
        (root / "lambda").mkdir()
        (root / "lambda" / "app.py").write_text(handler)
        (root / "main.tf").write_text(TERRAFORM % TIMEOUT_S)
        (root / "skerry.toml").write_text(PROJECT % (port, port + 1))
        run_skerry(root, "up", "--detach", "--wait", *flags, **variables)
        try:
            run = EchoRun(root, port)
            below = family(run.init)
            yield run
            below |= family(run.init)
        finally:
            run_skerry(root, "down")
        until(lambda: not any(map(alive, below)), what="all processes of the run are gone")
