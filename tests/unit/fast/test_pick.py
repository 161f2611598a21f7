"""Rendezvous hashing against its oracle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.rendezvous_hash import Rendezvous, values
from tests.oracles import pick_oracle

NAMES = st.lists(st.text(max_size=12), min_size=1, max_size=9, unique=True)
WEIGHTS = st.integers(1, 65535) | st.floats(0.001, 1e6)
ADDRESSES = [f"10.0.0.{n}:8080" for n in range(1, 101)]


@given(NAMES, st.data(), st.text() | st.sampled_from(["\udcff", "é", "\U0001f600"]))
def test_is_what_the_oracle_says(names, data, key):
    even = data.draw(st.booleans())
    weights = [data.draw(WEIGHTS)] * len(names) if even else [data.draw(WEIGHTS) for _ in names]
    places, expected = Rendezvous(names, weights), pick_oracle.order(names, weights, key)
    assert places.order(key) == expected
    assert places.first(key) == expected[0]


@pytest.mark.thorough
@pytest.mark.parametrize("count", [2, 3, 10, 100])
def test_a_name_that_goes_loses_only_its_own_keys(count):
    names, keys = ADDRESSES[:count], [f"user-{n}" for n in range(20_000)]
    weights = [1 + n % 3 for n in range(count)]
    before = Rendezvous(names, weights)
    for gone in {0, count // 2, count - 1}:
        kept = [n for n in range(count) if n != gone]
        after = Rendezvous([names[n] for n in kept], [weights[n] for n in kept])
        for key in keys:
            first, second, *_ = before.order(key)
            assert kept[after.first(key)] == (second if first == gone else first)


@pytest.mark.parametrize(("names", "weights"), [([], []), (["a"], []), (["a"], [0]), (["a", "b"], [1, -1])])
def test_what_cannot_be_chosen_from_is_refused(names, weights):
    with pytest.raises(ValueError, match="weights"):
        Rendezvous(names, weights)


def test_what_is_no_text_is_refused():
    with pytest.raises(TypeError):
        Rendezvous([b"a"], [1])
    for wrong in (None, b"a", 1):
        with pytest.raises(TypeError):
            Rendezvous(["a"], [1]).first(wrong)
        with pytest.raises(TypeError):
            Rendezvous(["a"], [1]).order(wrong)


@given(st.lists(st.tuples(st.sampled_from(["Cookie", "COOKIE", "cooki", "X-A"]) | st.text(max_size=6), st.text())))
def test_values(headers):
    for name in ("cookie", "x-a", ""):
        assert values(headers, name) == pick_oracle.values(headers, name)
