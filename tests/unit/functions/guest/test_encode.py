from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.functions.guest.encode import EncodeError, encode_result

Point = collections.namedtuple("Point", "x y")
NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 2.5, None, True, "é"]}, '{"a":[1,2.5,null,true,"é"]}'),
        ({1: 2, None: 3, False: 4}, '{"1":2,"null":3,"false":4}'),
        ([NAN, float("inf")], "[NaN,Infinity]"),
        ({"a": [None, {"b": (NAN,)}]}, '{"a":[null,{"b":[NaN]}]}'),
        (decimal.Decimal("7.00"), "7"),
        (decimal.Decimal("NaN"), "NaN"),
        (2**80, str(2**80)),
        (Point(1, Point(2, decimal.Decimal(3))), '{"x":1,"y":{"x":2,"y":3}}'),
        ("\ud800", '"\\ud800"'),
        (collections.OrderedDict(a=1), '{"a":1}'),
    ],
)
def test_values(value: object, expected: str) -> None:
    assert encode_result(value).decode() == expected


@dataclasses.dataclass
class Data:
    x: int


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), "type object is not JSON"),
        (b"bytes", "type bytes"),
        ({1, 2}, "type set"),
        (datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC), "type datetime"),
        (Data(1), "type Data"),
        ({(1, 2): 3}, "keys must be str"),
        ((x for x in "ab"), "returned a generator"),
    ],
)
def test_what_aws_refuses(value: object, says: str) -> None:
    with pytest.raises(EncodeError, match=says) as caught:
        encode_result(value)
    assert caught.value.kind == "Runtime.MarshalError"


def test_coroutines_are_refused_and_closed() -> None:
    async def handler() -> None: ...

    with pytest.raises(EncodeError, match="async def"):
        encode_result(handler())


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(json_values)
def test_plain_values_come_back_whole(value: object) -> None:
    assert json.loads(encode_result(value)) == value
