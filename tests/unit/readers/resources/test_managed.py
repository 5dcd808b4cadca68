"""The managed policies, against what AWS documents of them (rows 30, 31, 67)."""

from __future__ import annotations

import re

import pytest

from skerry.readers.resources import managed
from skerry.spec.distribution import HeaderSelection, Selection, Ttl

CACHE, REQUEST, RESPONSE = managed.KINDS


def test_ids_are_uuids_and_nothing_is_there_twice() -> None:
    rows = [row for kind in managed.KINDS for row in managed.table()[kind]]
    assert len({row.id for row in rows}) == len({row.name for row in rows}) == len(rows) == 20
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", row.id) for row in rows)


def test_by_name_and_by_id() -> None:
    found = managed.find(CACHE, name="Managed-CachingOptimized")
    assert found is not None
    assert found is managed.find(CACHE, name="CachingOptimized")
    assert found is managed.find(CACHE, id=found.id)
    assert managed.find(REQUEST, id=found.id) is None
    assert managed.find(CACHE, name="Mine") is None


@pytest.mark.parametrize(
    ("name", "ttl", "gzip"),
    [
        ("CachingOptimized", Ttl(1, 86400, 31536000), True),
        ("CachingDisabled", Ttl(0, 0, 0), False),
        ("Amplify", Ttl(2, 2, 600), True),
    ],
)
def test_cache_policies(name: str, ttl: Ttl, gzip: bool) -> None:
    row = managed.find(CACHE, name=name)
    assert row is not None
    key, found = managed.key_policy(row)
    assert (found, key.gzip) == (ttl, gzip)
    assert all(header == header.lower() for header in key.headers)


def test_origin_request_policies() -> None:
    row = managed.find(REQUEST, name="AllViewerExceptHostHeader")
    assert row is not None
    forward = managed.forward_policy(row)
    assert forward.headers == HeaderSelection("all_except", ("host",))
    assert forward.query == forward.cookies == Selection("all")
    for row in managed.table()[REQUEST]:
        assert managed.forward_policy(row).legacy is False


def test_response_headers_policies() -> None:
    row = managed.find(RESPONSE, name="CORS-with-preflight-and-SecurityHeadersPolicy")
    assert row is not None
    found = managed.response_headers(row)
    assert found.cors is not None
    assert found.cors.allow_methods == managed.ALL_METHODS
    assert {header.name: header.override for header in found.set}["X-Content-Type-Options"]
