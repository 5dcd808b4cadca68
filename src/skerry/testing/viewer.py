"""One request to a PoP, and what came back."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: a body's JSON is whatever the test's own origin says

TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Answer:
    """A whole response. headers: in wire order, as they came; a name may stand there twice."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """A header's values joined by a comma, empty where it did not come."""
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())

    @property
    def cache(self) -> str:
        """`Hit`, `Miss`, `RefreshHit`, `Error`, …: the first word of X-Cache."""
        return self.header("x-cache").partition(" ")[0]

    @property
    def request_id(self) -> str:
        """What `skerry explain` takes."""
        return self.header("x-amz-cf-id")

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def json(self) -> Any:  # Any: see above
        """The body as JSON."""
        return json.loads(self.body)


def ask(
    port: int,
    path: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | str | None = None,
    host: str = "localhost",
    ca: Path | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Send one request to a port on loopback, on a connection of its own.

    host  for Host, and for SNI and the certificate's check
    ca    speak TLS and believe this certificate authority alone
    Raises OSError and http.client.HTTPException where the connection breaks, which no answer of Skerry's does.
    """
    plain = socket.create_connection(("127.0.0.1", port), timeout_s)
    connection = http.client.HTTPConnection(host, timeout=timeout_s)
    connection.sock = plain if ca is None else wrap(plain, host, ca)
    try:
        named = {"Host": host, **(headers or {})}
        connection.request(method, path, body, named)
        response = connection.getresponse()
        return Answer(response.status, tuple(response.getheaders()), response.read())
    finally:
        connection.close()


def wrap(plain: socket.socket, host: str, ca: Path) -> ssl.SSLSocket:
    """TLS over a connection. It is closed where the handshake fails."""
    try:
        return ssl.create_default_context(cafile=str(ca)).wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise
