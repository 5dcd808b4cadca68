from __future__ import annotations

import msgspec

from skerry.readers.changes import HIDDEN, compare
from skerry.spec.distribution import Behavior, Distribution, Origin, OriginHeader, Ttl
from skerry.spec.function import Function
from skerry.spec.project import Project

ORIGIN = Origin("api", "api.example.com", headers=(OriginHeader("X-Key", "secret-one"),))
DISTRIBUTION = Distribution(
    "main", "E1", origins=(ORIGIN,), behaviors=(Behavior("/a/*", "api"), Behavior("*", "api"))
)
BEFORE = Project(root="/one", name="shop", distributions=(DISTRIBUTION,), files=("a",))


def changed(**fields: object) -> Project:
    distribution = msgspec.structs.replace(DISTRIBUTION, **fields)
    return msgspec.structs.replace(BEFORE, distributions=(distribution,))


def said(after: Project) -> list[str]:
    return [str(change) for change in compare(BEFORE, after)]


def test_where_it_lies_does_not_count() -> None:
    assert said(msgspec.structs.replace(BEFORE, root="/two", files=("b",))) == []


def test_fields_lists_and_things_that_come_and_go() -> None:
    new = Behavior("/b/*", "api")
    first, last = DISTRIBUTION.behaviors
    slower = msgspec.structs.replace(first, ttl=Ttl(0, 5, 10))
    assert said(changed(behaviors=(slower, new, last), comment="x")) == [
        "~ distribution main → behavior /a/* → ttl → default_s: 86400 → 5",
        "~ distribution main → behavior /a/* → ttl → max_s: 31536000 → 10",
        "+ distribution main → behavior /b/*",
        '~ distribution main → comment: "" → x',
    ]
    assert said(changed(behaviors=(last,))) == ["- distribution main → behavior /a/*"]
    assert said(changed(aliases=("a.example",))) == [
        '~ distribution main → aliases: [] → ["a.example"]'
    ]


def test_order_of_behaviors_counts() -> None:
    assert said(changed(behaviors=DISTRIBUTION.behaviors[::-1])) == [
        '~ distribution main → behaviors → order: ["/a/*","*"] → ["*","/a/*"]'
    ]


def test_header_values_are_never_shown() -> None:
    other = msgspec.structs.replace(ORIGIN, headers=(OriginHeader("X-Key", "secret-two"),))
    second = Origin("two", "b.example", headers=(OriginHeader("X-Key", "secret-three"),))
    found = compare(BEFORE, changed(origins=(other, second)))
    assert [str(one) for one in found] == [
        f"~ distribution main → origin api → header X-Key → value: {HIDDEN} → {HIDDEN}",
        "+ distribution main → origin two",
    ]
    assert b"secret" not in msgspec.json.encode(found)


def test_functions() -> None:
    function = Function("f", "/x", "a.b")
    with_one = msgspec.structs.replace(BEFORE, functions=(function,))
    with_more = msgspec.structs.replace(
        BEFORE, functions=(msgspec.structs.replace(function, memory_mb=256),)
    )
    assert said(with_one) == ["+ function f"]
    assert [str(one) for one in compare(with_one, with_more)] == [
        "~ function f → memory_mb: 128 → 256"
    ]
