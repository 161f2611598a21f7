"""Patterns made into a table, against `re`."""

import re
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.dfa import COLUMNS, build

atoms = st.sampled_from(["a", "b", "C", "[ab]", "[^aC]"])
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("*+?")).map(lambda made: f"({made[0]}){made[1]}"),
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda made: f"({made[0]}|{made[1]})"),
    ),
    max_leaves=6,
).map(lambda pattern: f"{pattern}d")


def first_found(texts: tuple[str, ...], letters: str) -> int:
    for end in range(1, len(letters) + 1):
        for number, pattern in enumerate(texts, 1):
            if re.search(f"(?:{pattern})\\Z", letters[:end]):
                return number
    return 0


@given(st.lists(patterns, min_size=1, max_size=3).map(tuple), st.text("abCdE", max_size=10))
def test_a_table_finds_what_re_finds(texts: tuple[str, ...], letters: str) -> None:
    table = build(texts)
    rows, state, found = array("H", table.rows), 0, 0
    for letter in letters:
        state = rows[state * COLUMNS + (ord(letter) & (COLUMNS - 1))]
        found = table.found[state]
        if found:
            break
    assert found == first_found(texts, letters)


@pytest.mark.parametrize("pattern", ["", "a*", "a)", "(a|b)?"])
def test_a_pattern_that_finds_everything_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="malformed, or can be empty"):
        build((pattern,))
