from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from skerry.testing import ports
from skerry.testing.viewer import Answer, ask


class Echo(http.server.BaseHTTPRequestHandler):
    """Says what it was asked, with two headers of one name."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = f'{{"path": "{self.path}", "host": "{self.headers["Host"]}", "body": "{body.decode()}"}}'
        self.send_response(201)
        for value in ("one", "two"):
            self.send_header("X-Twice", value)
        self.send_header("X-Cache", "Miss from cloudfront")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_request_and_its_answer(port: int) -> None:
    answer = ask(port, "/x?y", method="POST", body="b", host="www.example.com")
    assert answer.status == 201
    assert answer.json() == {"path": "/x?y", "host": "www.example.com", "body": "b"}
    assert answer.header("x-twice") == "one, two"
    assert (answer.cache, answer.header("x-none"), answer.request_id) == ("Miss", "", "")
    assert answer.text.startswith("{")


def test_a_header_of_the_test_s_own_wins(port: int) -> None:
    answer = ask(
        port, "/", method="POST", body="", headers={"Host": "other"}, host="www.example.com"
    )
    assert answer.json()["host"] == "other"


def test_tls_that_is_none_is_an_error(port: int, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").touch()
    with pytest.raises(ssl.SSLError):
        ask(port, "/", ca=tmp_path / "ca.crt")


def test_nobody_there() -> None:
    with pytest.raises(ConnectionRefusedError):
        ask(ports.free()[0], "/")


@pytest.mark.parametrize(
    ("x_cache", "word"),
    [("Hit from cloudfront", "Hit"), ("Error from cloudfront", "Error"), ("", "")],
)
def test_the_word_of_the_cache(x_cache: str, word: str) -> None:
    assert Answer(200, (("X-Cache", x_cache),), b"").cache == word
