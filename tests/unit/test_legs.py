"""The JSON of an answer, in whatever way it is written."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.subrequest import parsed, subrequest
from tests.exchanges import exchange

ALPHABET = st.characters(exclude_categories=["Cs"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(ALPHABET),
    lambda each: st.lists(each) | st.dictionaries(st.text(ALPHABET), each),
)


@given(VALUES, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]), st.booleans())
def test_every_coding_is_read(value, coding, is_ascii):
    text = json.dumps(value, ensure_ascii=is_ascii)
    data = text.encode(coding, "surrogatepass")
    assert parsed(data) == (value, data if coding == "utf-8" else b"")


@given(st.binary(max_size=20))
def test_it_agrees_with_the_library(data):
    def read(function):
        try:
            return repr(function(data))
        except ValueError:
            return "refused"

    assert read(lambda each: parsed(each)[0]) == read(json.loads)


@pytest.mark.parametrize("data", [b'{"a": 1, "a": 2}', b'["\\ud800"]'])
def test_what_readers_differ_in_has_no_text(data):
    assert parsed(data)[1] == b""


@pytest.mark.parametrize("data", [b"{", b"[1", b'{"a": \xff}', b"{\x00", b"[NaN]", b"-Infinity", b"1e999"])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(ValueError):
        parsed(data)


@pytest.mark.parametrize("is_hurried", [True, False])
def test_that_the_client_has_cut_the_time_short_is_known_to_who_judges_the_upstream(is_hurried):
    assert subrequest(exchange(plan=None, hurried=is_hurried), "GET", "/", 1.0).hurried is is_hurried
