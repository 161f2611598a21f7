"""Fields by name against their oracle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.header_list import Gather
from gateway.exchange import Headers
from tests.oracles import fields_oracle, gather_oracle

names = st.sampled_from(["Range", "range", "X-A", "x-a", "If-Range", "É", "\u20ac-a"]) | st.text(max_size=6)
fields = st.lists(st.tuples(names, st.text(max_size=3)), max_size=8)


@given(fields, st.sets(names.map(fields_oracle.lower), max_size=4))
def test_what_is_gathered_is_what_the_oracle_finds(headers: Headers, wanted: set[str]) -> None:
    ascii_names = [name for name in wanted if name.isascii()]
    assert Gather(ascii_names).of(headers) == gather_oracle.gathered(headers, ascii_names)


def test_names_longer_than_the_mask_is_wide() -> None:
    headers = [("A" * 70, "1"), ("B" * 6, "2"), ("C" * 134, "3")]
    assert Gather(["a" * 70, "c" * 134]).of(headers) == {"a" * 70: "1", "c" * 134: "3"}


def test_what_is_no_field_is_refused() -> None:
    for wrong in ([("range", 7)], [7], [(7, "x")]):
        with pytest.raises(TypeError):
            Gather(["range"]).of(wrong)
