"""Somebody who visits the shop: one request on one connection, and how long it took."""

import http.client
import ssl
import time
from dataclasses import dataclass

HOST = "www.example.com"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
TIMEOUT_S = 15


@dataclass
class Answer:
    """A whole response. ms: from the first byte sent to the last byte read, without the TLS handshake."""

    status: int
    headers: http.client.HTTPMessage
    body: str
    ms: float

    def header(self, name):
        """A header's value, empty where there is none."""
        return self.headers.get(name) or ""

    @property
    def hit(self):
        """Whether the edge answered by itself, by what it says in X-Cache."""
        return self.header("X-Cache") == "Hit from cloudfront"

    @property
    def miss(self):
        """Whether the origin was asked."""
        return self.header("X-Cache") == "Miss from cloudfront"


class Viewer:
    """Asks the PoPs by TLS, believing in the local CA alone.

    ports   PoP name → its TLS port
    """

    def __init__(self, ports, ca):
        self._ports = ports
        self._trust = ssl.create_default_context(cafile=ca)

    def connect(self, pop):
        """An open connection that checks the certificate against the shop's name."""
        made = http.client.HTTPSConnection(
            HOST, self._ports[pop], timeout=TIMEOUT_S, context=self._trust
        )
        # The name stands in SNI and Host; where it leads to is our own machine, as with curl --connect-to.
        made._create_connection = lambda _address, *rest, **more: (
            http.client.socket.create_connection(("127.0.0.1", self._ports[pop]), *rest, **more)
        )
        made.connect()
        return made

    def get(self, pop, path="/", *, method="GET", body=None, agent=DESKTOP, **headers):
        """One request. Header names are written with underscores."""
        connection = self.connect(pop)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return ask(connection, method, path, body, {"User-Agent": agent, "Host": HOST, **named})
        finally:
            connection.close()

    def each(self, pop, path, requests):
        """One path with each of some sets of headers, on one connection; all answers."""
        connection = self.connect(pop)
        try:
            return [
                ask(connection, "GET", path, None, {"Host": HOST, **named}) for named in requests
            ]
        finally:
            connection.close()


def ask(connection, method, path, body, headers):
    """One request on an open connection."""
    began = time.perf_counter()
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    text = response.read().decode(errors="replace")
    return Answer(response.status, response.headers, text, (time.perf_counter() - began) * 1000)
