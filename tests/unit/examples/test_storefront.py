"""The storefront's handlers, on events as CloudFront shapes them, and its API over a socket."""

from __future__ import annotations

import copy
import http.client
import importlib
import importlib.util
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "01-storefront"
MODULES = ("visitor", "request", "response", "pages", "api")
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"

Event = dict[str, Any]  # Any: JSON as the handlers get it


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """The modules of `lambda/`, imported as a worker would: their folder first on the path."""
    monkeypatch.syspath_prepend(EXAMPLE / "lambda")
    for name in MODULES:
        sys.modules.pop(name, None)
    yield {name: importlib.import_module(name) for name in MODULES}
    for name in MODULES:
        sys.modules.pop(name, None)


def event_of(kind: str, uri: str = "/", *, headers: dict[str, str] | None = None) -> Event:
    request: dict[str, Any] = {
        "clientIp": "203.0.113.7",
        "method": "GET",
        "uri": uri,
        "querystring": "",
        "headers": {
            name.lower(): [{"key": name, "value": value}]
            for name, value in {"Host": "www.example.com", **(headers or {})}.items()
        },
    }
    cf: dict[str, Any] = {
        "config": {
            "distributionDomainName": "d111111abcdef8.cloudfront.net",
            "distributionId": "EDFDVBD6EXAMPLE",
            "eventType": kind,
            "requestId": "4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==",
        },
        "request": request,
    }
    if kind == "viewer-response":
        cf["response"] = {"status": "200", "statusDescription": "OK", "headers": {}}
    return {"Records": [{"cf": cf}]}


def with_origin(event: Event, kind: str) -> Event:
    named = lambda name, value: {name.lower(): [{"key": name, "value": value}]}  # noqa: E731 one expression, used thrice
    custom = {
        "customHeaders": {
            **named("X-Api-Key", "secret"),
            **named("X-Graphql-Host", "graphql.example.com"),
        },
        "domainName": "api.example.com",
        "keepaliveTimeout": 5,
        "path": "",
        "port": 443,
        "protocol": "https",
        "readTimeout": 20,
        "sslProtocols": ["TLSv1.2"],
    }
    s3 = {
        "authMethod": "none",
        "customHeaders": {},
        "domainName": "b.s3.amazonaws.com",
        "path": "",
    }
    event["Records"][0]["cf"]["request"]["origin"] = {kind: custom if kind == "custom" else s3}
    return event


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (PHONE, "mobile"),
        (
            "Mozilla/5.0 (Linux; Android 16; Pixel 9) Chrome/140.0.0.0 Mobile Safari/537.36",
            "mobile",
        ),
        ("Mozilla/5.0 (Android 16; Mobile; rv:144.0) Gecko/144.0 Firefox/144.0", "mobile"),
        ("Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) Version/12.1 Mobile/15E148", "tablet"),
        ("Mozilla/5.0 (Linux; Android 15; SM-X710) Chrome/140.0.0.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (Android 15; Tablet; rv:144.0) Gecko/144.0 Firefox/144.0", "tablet"),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; Tablet PC 2.0) like Gecko", "desktop"),
        (DESKTOP, "desktop"),
        ("curl/8.5.0", "desktop"),
        ("", "desktop"),
    ],
)
def test_devices(functions: dict[str, ModuleType], agent: str, device: str) -> None:
    event = event_of("viewer-request", headers={"User-Agent": agent} if agent else None)
    sent = functions["request"].handler(event, None)
    assert sent["headers"]["x-device"] == [{"key": "X-Device", "value": device}]
    assert sent["uri"] == "/"


@pytest.mark.parametrize(
    ("cookie", "variant"),
    [
        ("variant=A", "A"),
        ("variant=B", "B"),
        ("session=1; variant=B; theme=dark", "B"),
        ("variant=C", None),
        ("myvariant=B", None),
        ("variant", None),
    ],
)
def test_the_variant_is_that_of_its_own_cookie(
    functions: dict[str, ModuleType], cookie: str, variant: str | None
) -> None:
    request = event_of("viewer-request", headers={"Cookie": cookie})["Records"][0]["cf"]["request"]
    assert functions["visitor"].chosen_variant(request) == variant


def test_first_visits_are_split_and_no_foreign_cookie_moves_a_visitor(
    functions: dict[str, ModuleType],
) -> None:
    visitor = functions["visitor"]
    drawn = []
    for number in range(1000):
        event = event_of("viewer-request", headers={"Cookie": f"seen={number}"})
        request = event["Records"][0]["cf"]["request"]
        first = visitor.variant_of(request)
        request["clientIp"] = f"198.51.{number // 250}.{number % 250}"
        drawn.append(visitor.variant_of(request))
        assert first == visitor.variant_of(
            event_of("viewer-request")["Records"][0]["cf"]["request"]
        )
    assert 430 < drawn.count("A") < 570


def test_what_a_viewer_claims_to_be_is_overwritten(functions: dict[str, ModuleType]) -> None:
    claimed = {"X-Device": "mobile", "X-Ab-Variant": "B", "Cookie": "variant=A"}
    sent = functions["request"].handler(event_of("viewer-request", headers=claimed), None)
    assert sent["headers"]["x-device"][0]["value"] == "desktop"
    assert sent["headers"]["x-ab-variant"][0]["value"] == "A"


@pytest.mark.parametrize(
    ("uri", "device", "variant", "file"),
    [
        ("/", "desktop", "A", "/index.html"),
        ("/index.html", "desktop", "B", "/b/index.html"),
        ("/", "mobile", "A", "/mobile/index.html"),
        ("/", "mobile", "B", "/mobile/b/index.html"),
        ("/", "tablet", "B", "/tablet/b/index.html"),
        ("/about.html", "mobile", "B", "/about.html"),
        ("/mobile/", "mobile", "B", "/mobile/index.html"),
        ("/mobile/index.html", "mobile", "A", "/mobile/index.html"),
        ("/", "", "", "/index.html"),
        ("/", "toaster", "Z", "/index.html"),
    ],
)
def test_pages_are_files_that_exist(
    functions: dict[str, ModuleType], uri: str, device: str, variant: str, file: str
) -> None:
    headers = {"X-Device": device, "X-Ab-Variant": variant}
    event = with_origin(event_of("origin-request", uri, headers=headers), "s3")
    assert functions["pages"].handler(event, None)["uri"] == file
    assert (EXAMPLE / "site" / file.removeprefix("/")).is_file()


def test_the_choice_sticks_from_the_first_answer_on(functions: dict[str, ModuleType]) -> None:
    first = functions["response"].handler(event_of("viewer-response"), None)
    variant = first["headers"]["x-variant"][0]["value"]
    (cookie,) = first["headers"]["set-cookie"]
    assert cookie["value"].startswith(f"variant={variant}; Path=/; Max-Age=2592000; Secure")
    back = event_of("viewer-response", headers={"Cookie": f"variant={variant}"})
    again = functions["response"].handler(back, None)
    assert again["headers"]["x-variant"][0]["value"] == variant
    assert "set-cookie" not in again["headers"]


def test_what_the_origin_says_about_storing_stands(functions: dict[str, ModuleType]) -> None:
    event = event_of("viewer-response")
    said = [{"key": "Cache-Control", "value": "no-store"}]
    event["Records"][0]["cf"]["response"]["headers"]["cache-control"] = said
    assert functions["response"].handler(event, None)["headers"]["cache-control"] == said
    silent = functions["response"].handler(event_of("viewer-response"), None)
    assert silent["headers"]["cache-control"][0]["value"] == "private, no-cache"


def test_graphql_goes_to_its_own_host_under_its_own_name(functions: dict[str, ModuleType]) -> None:
    spoofed = event_of("origin-request", "/graphql", headers={"X-Api-Key": "guess"})
    sent = functions["api"].handler(with_origin(spoofed, "custom"), None)
    origin = sent["origin"]["custom"]
    assert (origin["domainName"], origin["port"], origin["protocol"]) == (
        "graphql.example.com",
        443,
        "https",
    )
    assert sent["headers"]["host"][0]["value"] == "graphql.example.com"
    assert "x-api-key" not in sent["headers"]
    assert list(origin["customHeaders"]) == ["x-api-key"]


@pytest.mark.parametrize("uri", ["/api/catalogue", "/graphqlx", "/api/graphql"])
def test_other_paths_stay_with_the_api(functions: dict[str, ModuleType], uri: str) -> None:
    sent = functions["api"].handler(with_origin(event_of("origin-request", uri), "custom"), None)
    assert sent["origin"]["custom"]["domainName"] == "api.example.com"
    assert sent["headers"]["host"][0]["value"] == "www.example.com"


def test_a_bucket_is_left_alone(functions: dict[str, ModuleType]) -> None:
    event = with_origin(event_of("origin-request", "/graphql"), "s3")
    before = copy.deepcopy(event["Records"][0]["cf"]["request"])
    assert functions["api"].handler(event, None) == before


# facts of the contract: names that no function may set, and those that are read-only at each event
FORBIDDEN = ("x-edge-", "x-amz-cf-", "x-amzn-", "x-accel-", "x-cache", "x-real-ip", "connection")
READ_ONLY = {
    "request": {"host", "via", "content-length", "transfer-encoding", "cdn-loop"},
    "pages": {"accept-encoding", "if-none-match", "if-modified-since", "via", "transfer-encoding"},
    "api": {"accept-encoding", "if-none-match", "if-modified-since", "via", "transfer-encoding"},
    "response": {"via", "warning", "content-length", "content-encoding", "transfer-encoding"},
}


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("request", event_of("viewer-request", headers={"User-Agent": PHONE, "Via": "2.0 a"})),
        ("pages", with_origin(event_of("origin-request", headers={"Via": "2.0 a"}), "s3")),
        (
            "api",
            with_origin(event_of("origin-request", "/graphql", headers={"Via": "2.0 a"}), "custom"),
        ),
        ("response", event_of("viewer-response", headers={"User-Agent": PHONE})),
    ],
)
def test_no_handler_touches_what_cloudfront_guards(
    functions: dict[str, ModuleType], name: str, event: Event
) -> None:
    part = "response" if name == "response" else "request"
    before = copy.deepcopy(event["Records"][0]["cf"][part]["headers"])
    after = functions[name].handler(copy.deepcopy(event), None)["headers"]
    changed = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    assert changed & READ_ONLY[name] == set()
    assert [key for key in changed if key.startswith(FORBIDDEN)] == []
    assert all(line["key"].lower() == key for key, lines in after.items() for line in lines)


@pytest.fixture
def hosts() -> Iterator[tuple[int, int]]:
    """Ports of the API and of GraphQL, served for the test's time."""
    spec = importlib.util.spec_from_file_location("storefront_api", EXAMPLE / "api" / "server.py")
    assert spec is not None
    assert spec.loader is not None
    server = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(server)
    started = [server.start(kind, 0, "k") for kind in (server.Api, server.Graphql)]
    threads = [threading.Thread(target=one.serve_forever, args=(0.01,)) for one in started]
    for thread in threads:
        thread.start()
    yield started[0].server_port, started[1].server_port
    for one, thread in zip(started, threads, strict=True):
        one.shutdown()
        thread.join()
        one.server_close()


def ask(port: int, method: str, path: str, body: str = "", key: str = "k") -> tuple[int, Any, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path, body or None, {"X-Api-Key": key} if key else {})
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    return answer.status, json.loads(told) if told else None, answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "part"),
    [
        ("GET", "/api/catalogue", "", 200, "Fog bell"),
        ("HEAD", "/api/catalogue", "", 200, "null"),
        ("GET", "/api/echo?x=1", "", 200, '"key": "came"'),
        ("GET", "/api/slow?ms=1", "", 200, '"waited_ms": 1'),
        ("GET", "/api/none", "", 404, "no such path"),
        ("POST", "/api/orders", '{"item": "bell"}', 201, '"ordered": "bell"'),
        ("POST", "/api/orders", '{"item": ["bell"]}', 422, "one of"),
        ("POST", "/api/orders", '["bell"]', 422, "one of"),
        ("POST", "/api/orders", "{", 400, "not JSON"),
        ("POST", "/api/none", "{}", 404, "no such path"),
    ],
)
def test_the_api_answers(
    hosts: tuple[int, int], method: str, path: str, body: str, status: int, part: str
) -> None:
    got, told, cache_control = ask(hosts[0], method, path, body)
    assert got == status
    assert part in json.dumps(told)
    assert cache_control == ("public, max-age=30" if "catalogue" in path else "no-store")


def test_graphql_answers_and_nothing_does_without_the_key(hosts: tuple[int, int]) -> None:
    status, told, _ = ask(hosts[1], "POST", "/graphql", '{"query": "{ catalogue { id } }"}')
    assert status == 200
    assert told["data"]["catalogue"][0]["id"] == "lamp"
    assert "errors" in ask(hosts[1], "POST", "/graphql", "[]")[1]
    assert ask(hosts[0], "GET", "/api/catalogue", key="")[0] == 401
    assert ask(hosts[1], "POST", "/graphql", "{}", key="guess")[0] == 401
