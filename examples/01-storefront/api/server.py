"""The shop's API and its GraphQL host, on two ports of one process. Standard library only.

    python api/server.py [--api-port 9000] [--graphql-port 9001] [--key local-key]

Every answer needs the key in X-Api-Key, which the edge adds and a browser never sees.
"""

import argparse
import contextlib
import hmac
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

CATALOGUE = [
    {"id": "lamp", "name": "Pier lamp", "price_cents": 4900},
    {"id": "rope", "name": "Mooring rope, 20 m", "price_cents": 2350},
    {"id": "bell", "name": "Fog bell", "price_cents": 12900},
]
BODY_BYTES_MAX = 64 * 1024
SLOW_MS_MAX = 10_000
TOLD_HEADERS = ("host", "user-agent", "via", "x-forwarded-for", "accept-encoding", "authorization")


class Handler(BaseHTTPRequestHandler):
    """What both hosts share: the key, JSON, and bodies that are read whole."""

    protocol_version = "HTTP/1.1"
    server_version = "storefront-api"
    timeout = 60
    key = ""

    def answer(self, status, value, cache_control="no-store"):
        """Send JSON. Never 403: the distribution puts its own page in the place of one."""
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", cache_control)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def has_key(self):
        """Whether the key came, compared in constant time; answers 401 where it did not."""
        given = self.headers.get_all("X-Api-Key") or [""]
        if len(given) == 1 and hmac.compare_digest(given[0].encode(), self.key.encode()):
            return True
        self.close_connection = True  # the body of a request that is refused stays unread
        self.answer(401, {"error": "no valid key: this API is reached through the edge"})
        return False

    def read_json(self):
        """The body as JSON; None, and an answer, where it is too large or not JSON."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            self.close_connection = True
            self.answer(413, {"error": f"at most {BODY_BYTES_MAX} bytes"})
            return None
        try:
            return json.loads(self.rfile.read(length))
        except ValueError:
            self.answer(400, {"error": "the body is not JSON"})
            return None

    def log_message(self, format, *args):
        """One line a request on stderr."""
        sys.stderr.write(f"{type(self).__name__} {format % args}\n")


class Api(Handler):
    """Catalogue, orders, and two paths to look at the edge from behind."""

    def do_GET(self):
        """Answer a GET or HEAD."""
        if not self.has_key():
            return
        parts = urlsplit(self.path)
        if parts.path == "/api/catalogue":
            self.answer(200, {"items": CATALOGUE}, "public, max-age=30")
        elif parts.path == "/api/echo":
            seen = {
                name: self.headers.get_all(name) for name in TOLD_HEADERS if self.headers.get(name)
            }
            self.answer(200, {"key": "came", "path": self.path, "headers": seen})
        elif parts.path == "/api/slow":
            self.answer_slowly(parse_qs(parts.query))
        else:
            self.answer(404, {"error": "no such path"})

    do_HEAD = do_GET

    def answer_slowly(self, query):
        """Wait as long as asked, to see what a timeout at the edge looks like."""
        asked = query.get("ms", ["1000"])[0]
        wait_ms = min(int(asked), SLOW_MS_MAX) if asked.isdecimal() else 1000
        time.sleep(wait_ms / 1000)
        self.answer(200, {"waited_ms": wait_ms})

    def do_POST(self):
        """Take an order."""
        if not self.has_key():
            return
        order = self.read_json()
        if order is None:
            return
        if urlsplit(self.path).path != "/api/orders":
            self.answer(404, {"error": "no such path"})
            return
        known = sorted(item["id"] for item in CATALOGUE)
        wanted = order.get("item") if isinstance(order, dict) else None
        if wanted in known:
            self.answer(201, {"ordered": wanted})
        else:
            self.answer(422, {"error": f"`item` is one of {known}"})


class Graphql(Handler):
    """Enough GraphQL to see that the request came here: the fields of one item, or of all."""

    def do_POST(self):
        """Answer a query that mentions `catalogue`."""
        if not self.has_key():
            return
        query = self.read_json()
        if query is None:
            return
        text = query.get("query", "") if isinstance(query, dict) else ""
        if "catalogue" in text:
            self.answer(
                200,
                {"data": {"catalogue": CATALOGUE}, "extensions": {"host": self.headers["Host"]}},
            )
        else:
            self.answer(
                200, {"errors": [{"message": "this little host knows the field `catalogue` only"}]}
            )


def start(kind, port, key):
    """A listening server on loopback, not yet serving. port 0: a free one."""
    handler = type(kind.__name__, (kind,), {"key": key})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def main():
    """Serve both until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--api-port", type=int, default=9000)
    parser.add_argument("--graphql-port", type=int, default=9001)
    parser.add_argument("--key", default="local-key")
    asked = parser.parse_args()
    api = start(Api, asked.api_port, asked.key)
    graphql = start(Graphql, asked.graphql_port, asked.key)
    threading.Thread(target=graphql.serve_forever, daemon=True).start()
    print(
        f"API on 127.0.0.1:{api.server_port}, GraphQL on 127.0.0.1:{graphql.server_port}",
        flush=True,
    )
    with contextlib.suppress(KeyboardInterrupt):
        api.serve_forever()


if __name__ == "__main__":
    main()
