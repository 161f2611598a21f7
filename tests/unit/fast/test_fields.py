"""Header edits against their oracle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.headers import Edit, joined
from gateway.exchange import Headers
from tests.oracles import fields_oracle

names = st.sampled_from(["Server", "server", "X-A", "x-a", "Etag", "É", "\u20ac-a"]) | st.text(max_size=6)
fields = st.lists(st.tuples(names, st.text(max_size=3)), max_size=8)


@given(fields, st.sets(names.map(fields_oracle.lower), max_size=4), fields)
def test_an_edit_is_what_the_oracle_does(headers: Headers, gone: set[str], added: Headers) -> None:
    expected = fields_oracle.edited(headers, [name for name in gone if name.isascii()], added)
    edit, before = Edit(name for name in gone if name.isascii()), list(headers)
    assert edit.copy(headers, added) == expected
    assert headers == before
    edit.apply(headers, added)
    assert headers == expected


@given(fields, names.map(fields_oracle.lower))
def test_a_look_up_is_what_the_oracle_does(headers: Headers, name: str) -> None:
    name = name.encode("ascii", "ignore").decode()
    assert joined(headers, name) == fields_oracle.joined(headers, name)


def test_names_longer_than_the_mask_is_wide() -> None:
    headers = [("A" * 70, "1"), ("B" * 6, "2"), ("C" * 134, "3")]
    Edit(["a" * 70, "c" * 134]).apply(headers, [])
    assert headers == [("B" * 6, "2")]


def test_what_is_no_field_is_refused() -> None:
    for wrong in ([("a",), 7], [(7, "x")]):
        with pytest.raises((TypeError, AttributeError)):
            Edit(["a"]).apply(wrong, [])
        with pytest.raises((TypeError, AttributeError)):
            Edit(["a"]).copy(wrong, [])
    for wrong in ([("a",)], [(7, "x")], [("a", 7)], [("a", "b", "c")]):
        with pytest.raises((TypeError, ValueError)):
            joined(wrong, "a")
