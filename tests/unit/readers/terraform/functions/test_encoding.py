from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skerry.base.finding import Place
from skerry.readers.terraform.functions import encoding
from skerry.readers.terraform.value import Namespace, Unknown, Wrong

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(VALUES)
def test_json_comes_back(value: object) -> None:
    written = encoding.encode_json(value)
    assert json.loads(written) == value
    assert encoding.decode_json(written) == value


@pytest.mark.parametrize(
    "value", [Namespace("a.b", lambda _, __: None), Unknown("a", "a", "computed", Place("f"))]
)
def test_what_is_no_value_is_not_encoded(value: object) -> None:
    with pytest.raises(Wrong):
        encoding.encode_json(value)


@pytest.mark.parametrize("text", ["%%%", "/w==", "a"])
def test_bad_base64(text: str) -> None:
    with pytest.raises(Wrong):
        encoding.base64_decode(text)
