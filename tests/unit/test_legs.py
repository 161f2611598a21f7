"""The JSON of an answer, in whatever way it is written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.legs import parsed

ALPHABET = st.characters(exclude_categories=["Cs"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(ALPHABET),
    lambda each: st.lists(each) | st.dictionaries(st.text(ALPHABET), each),
)


@given(VALUES, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]), st.booleans())
def test_every_coding_is_read(value, coding, is_ascii):
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert parsed(text.encode(coding, "surrogatepass")) == value


@given(st.binary(max_size=20))
def test_it_agrees_with_the_library(data):
    def read(function):
        try:
            return repr(function(data))
        except ValueError:
            return "refused"

    assert read(parsed) == read(json.loads)


@pytest.mark.parametrize("data", [b"{", b"[1", b'{"a": \xff}', b"{\x00"])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(ValueError):
        parsed(data)
