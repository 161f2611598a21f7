"""`_fast.exchange_slots`: the attributes of an Exchange in C are those of Python."""

from __future__ import annotations

import gc
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast import exchange_slots as slots
from gateway.exchange import Exchange
from tests.exchanges import exchange
from tests.oracles import slots_oracle


class Derived(Exchange):
    """A class of its own, whose objects are asked as any others."""

    __slots__ = ()


@given(st.sampled_from(slots.NAMES), st.one_of(st.none(), st.integers(), st.text(), st.floats(allow_nan=False)))
def test_both_see_the_same(name: str, value: object) -> None:
    made = exchange()
    slots.write(made, name, value)
    assert slots_oracle.read(made, name) is slots.read(made, name) is value
    slots_oracle.write(made, name, "other")
    assert slots.read(made, name) == "other"


@pytest.mark.parametrize(
    "made", [Derived("GET", "/", [], {}, 0.0), SimpleNamespace(method="GET")], ids=["derived", "any"]
)
def test_other_types_are_asked_as_usual(made: object) -> None:
    slots.write(made, "path", "/x")
    assert (slots.read(made, "method"), slots.read(made, "path")) == ("GET", "/x")


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="path"):
        slots.read(Exchange("GET", "/", [], {}, 0.0), "path")


def test_no_reference_is_lost_or_kept() -> None:
    made, value = exchange(), object()
    before = sys.getrefcount(value)
    for _ in range(10):
        slots.write(made, "state", value)
        slots.read(made, "state")
    assert sys.getrefcount(value) == before + 1
    del made
    gc.collect()
    assert sys.getrefcount(value) == before


@given(st.sampled_from(["/a", "/a?b", "/a?b?c", ""]), st.floats(0, 1000), st.booleans())
def test_a_request_on_behalf_of_another(target: str, deadline: float, has_state: bool) -> None:
    client = exchange(plan=object(), params={"id": "7"}, caller=object(), trace=object(), trusted=True)
    client.sent, client.response, client.state = 7, object(), {} if has_state else None
    made = slots.another(client, "POST", target, [("A", "b")], deadline)
    expected = slots_oracle.another(client, "POST", target, [("A", "b")], deadline)
    known = [name for name in Exchange.__slots__ if hasattr(expected, name)]
    assert {name: getattr(made, name) for name in known} == {name: getattr(expected, name) for name in known}
    assert [name for name in Exchange.__slots__ if hasattr(made, name)] == known
    assert made.environ is not client.environ


def test_a_class_that_is_no_exchange_is_refused() -> None:
    class Other:
        __slots__ = ("method",)

    with pytest.raises(TypeError, match="no slot"):
        slots.learn(Other)
    with pytest.raises(TypeError, match="more than its slots"):
        slots.learn(SimpleNamespace)
    assert slots.read(exchange(), "method") == "GET"
