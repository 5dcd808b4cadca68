"""A project in which everything goes wrong, and an origin that misbehaves by path. All of it real processes."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.node import SOURCE, free_port, free_ports

API_KEY = "hush-api-key-4711"
TOKEN = "hush-token-0815"
SECRETS = (API_KEY, TOKEN)
ORIGINS = ("down", "unmapped", "slow", "cut", "lies", "bad", "nowhere")

HANDLERS = {
    "loops": "    while True:\n        pass\n",
    "gigabyte": (
        "    line = 'x' * 1023 + '\\n'\n"
        "    for _ in range(1024 * 1024):\n        print(line, end='')\n"
        "    return event['Records'][0]['cf']['request']\n"
    ),
    "nothing": "    return None\n",
    "number": "    return 42\n",
    "gateway": "    return {'statusCode': 200, 'body': 'hi'}\n",
    "raises": "    return {}['no such key']\n",
    "exits": "    import os\n    os._exit(3)\n",
    "hogs": "    return 'x' * (1 << 33)\n",
}
MISSING = "gone"  # a function whose handler is in no file

ORIGIN_TF = """
  origin {{
    origin_id   = "{name}"
    domain_name = "{name}.example.com"
    custom_origin_config {{
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "http-only"
      origin_ssl_protocols   = ["TLSv1.2"]
      origin_read_timeout    = 1
    }}
    connection_attempts = 1
    custom_header {{
      name  = "X-Api-Key"
      value = var.api_key
    }}
    custom_header {{
      name  = "X-Token"
      value = var.token
    }}
  }}
"""
BEHAVIOR_TF = """
  {kind} {{
    {pattern}
    target_origin_id       = "{origin}"
    allowed_methods        = [{methods}]
    cached_methods         = ["GET", "HEAD"]
    viewer_protocol_policy = "allow-all"
    cache_policy_id        = "658327ea-f89d-4fab-a63d-7e88639e58f6"
    {more}
  }}
"""
FUNCTION_TF = """
resource "aws_lambda_function" "{name}" {{
  function_name = "{name}"
  filename      = "lambda"
  handler       = "{name}.handler"
  runtime       = "python3.11"
  role          = "arn:aws:iam::123456789012:role/edge"
  timeout       = {timeout_s}
  publish       = true
}}
"""
ALL = '"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"'


def terraform() -> str:
    """The distribution: an origin for each fault, a viewer-request function for each other one."""
    functions = [*HANDLERS, MISSING]
    parts = [f'variable "api_key" {{ default = "{API_KEY}" }}\n']
    parts += [f'variable "token" {{\n  default   = "{TOKEN}"\n  sensitive = true\n}}\n']
    parts += [
        FUNCTION_TF.format(name=name, timeout_s=2 if name == "loops" else 5) for name in functions
    ]
    parts += ['resource "aws_cloudfront_distribution" "all" {\n  enabled = true\n']
    parts += [
        '  origin {\n    origin_id = "site"\n    domain_name = "b.s3.amazonaws.com"\n'
        '    s3_origin_config { origin_access_identity = "" }\n  }\n'
    ]
    parts += [ORIGIN_TF.format(name=name) for name in ORIGINS]
    parts += [
        BEHAVIOR_TF.format(
            kind="ordered_cache_behavior",
            pattern=f'path_pattern = "/{name}/*"',
            origin=name,
            methods=ALL,
            more="",
        )
        for name in ORIGINS
    ]
    parts += [
        BEHAVIOR_TF.format(
            kind="ordered_cache_behavior",
            pattern=f'path_pattern = "/fn/{name}"',
            origin="site",
            methods='"GET", "HEAD"',
            more='lambda_function_association {\n      event_type = "viewer-request"\n'
            f"      lambda_arn = aws_lambda_function.{name}.qualified_arn\n    }}",
        )
        for name in functions
    ]
    parts += [
        BEHAVIOR_TF.format(
            kind="default_cache_behavior",
            pattern="",
            origin="site",
            methods='"GET", "HEAD"',
            more="",
        )
    ]
    parts += [
        '  restrictions {\n    geo_restriction { restriction_type = "none" }\n  }\n'
        "  viewer_certificate { cloudfront_default_certificate = true }\n}\n"
    ]
    return "".join(parts)


def write(root: Path, origin_port: int = 9, *, http_port: int = 0) -> int:
    """Write the project; the first PoP's port. Nothing listens for `down`."""
    first = http_port or free_ports(4)
    (root / "site").mkdir(parents=True, exist_ok=True)
    (root / "lambda").mkdir(exist_ok=True)
    (root / "site" / "index.html").write_text("<h1>hello</h1>")
    for name, body in HANDLERS.items():
        (root / "lambda" / f"{name}.py").write_text(f"def handler(event, context):\n{body}")
    (root / "main.tf").write_text(terraform())
    lines = [
        f'{name} = "http://127.0.0.1:{origin_port}"' for name in ("slow", "cut", "lies", "bad")
    ]
    (root / "skerry.toml").write_text(
        'format = 1\nname = "hostile"\n[local]\n'
        f"http_port = {first}\nhttps_port = {first + 2}\n"
        'pop.us-east = { at = "iad" }\npop.eu-west = { at = "dub" }\n[local.origin]\nsite = "./site"\n'
        f'down = "http://127.0.0.1:{free_port()}"\nnowhere = "http://no-such-host.invalid:80"\n'
        + "\n".join(lines)
        + "\n"
    )
    return first


# what the origin says before it closes, by the start of the path; for /slow it says nothing at all
ANSWERS = {
    b"/cut/": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nhalf",
    b"/lies/more": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and what nobody asked for",
    b"/lies/twice": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    b"/lies/chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\n",
    b"/bad/head": b"\x16\x03\x01 no HTTP at all\r\n\r\n",
    b"/bad/close": b"",
}


@contextmanager
def origin() -> Iterator[int]:
    """The origin that misbehaves, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        ended = threading.Event()

        def converse(connection: socket.socket) -> None:
            with connection:
                data = b""
                while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
                    data += more
                path = data.split(b" ")[1] if b" " in data else b""
                if path.startswith(b"/slow"):
                    ended.wait(20)
                for start, answer in ANSWERS.items():
                    if path.startswith(start):
                        connection.sendall(answer)

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # closed: the test is over
                threading.Thread(target=converse, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)


@dataclass
class Seen:
    """What a viewer got, to the last byte; `cut`: the connection ended before the body did."""

    status: int
    head: str
    body: bytes
    request_id: str
    cut: bool


def ask(port: int, path: str, *, accept: str = "*/*", method: str = "GET", lines: str = "") -> Seen:
    """One request on a connection of its own. A plain socket: a library would hide how a body ends.

    lines: further fields, each with its CRLF.
    """
    text = f"{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: {accept}\r\n{lines}Connection: close\r\n\r\n"
    data = b""
    with socket.create_connection(("127.0.0.1", port), 30) as connection:
        connection.sendall(text.encode())
        while more := connection.recv(65536):
            data += more
    raw, _, body = data.partition(b"\r\n\r\n")
    head = raw.decode("latin-1")
    length = re.search(r"(?im)^content-length: (\d+)", head)
    is_chunked = re.search(r"(?im)^transfer-encoding: chunked", head) is not None
    is_cut = (
        len(body) < int(length[1]) if length else is_chunked and not body.endswith(b"0\r\n\r\n")
    )
    request_id = re.search(r"(?im)^x-amz-cf-id: (\S+)", head)
    return Seen(int(head.split(" ")[1]), head, body, request_id[1] if request_id else "", is_cut)


def environment(home: Path) -> dict[str, str]:
    """As a user has it, with a home of the test's own."""
    return dict(os.environ, PYTHONPATH=str(SOURCE), XDG_DATA_HOME=str(home))


def skerry(
    root: Path, *words: str, timeout_s: float = 60.0, **variables: str
) -> subprocess.CompletedProcess[str]:
    """`skerry WORDS` in the folder, as a person types it."""
    return subprocess.run(
        [sys.executable, "-m", "skerry.cli.main", *words],
        cwd=root,
        env=environment(root.parent / "home") | variables,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        check=False,
    )


@contextmanager
def running(root: Path, *words: str) -> Iterator[subprocess.CompletedProcess[str]]:
    """`skerry up --detach --wait` until the block ends; what it said."""
    began = time.monotonic()
    done = skerry(root, "up", "--detach", "--wait", *words)
    assert done.returncode == 0, f"{done.stderr}\nafter {time.monotonic() - began:.1f} s"
    try:
        yield done
    finally:
        stopped = skerry(root, "down")
    assert stopped.returncode == 0, stopped.stderr
