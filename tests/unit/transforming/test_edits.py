"""Changes to JSON at paths: what each path leads to, and what is left as it was."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policies.transform.json_edit import Change, fresh, put, remove, rename
from gateway.policies.transform.json_path import parse
from tests.exchanges import exchange

VALUE = {
    "user": {"name": "ann", "ssn": "1", "tags": ["a", "b", "c"]},
    "items": [{"sku": 1, "price": 2}, {"sku": 3, "price": 4}, 5],
    "a.b": {"c": None},
}
ITEMS = VALUE["items"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c", "d.e"]), inner),
    max_leaves=12,
)
PATHS = ["a", "a.b", "a.b.c", "a[0]", "[*].a", "*", "*.b", "[-1]", '"d.e".a', "a[*].b[0]", "[*]"]


def made(change: Any, path: str, *more: Any) -> Any:
    value = copy.deepcopy(VALUE)
    change(value, parse(path), *more)
    return value


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("user", {"items": ITEMS, "a.b": {"c": None}}),
        ("user.ssn", VALUE | {"user": {"name": "ann", "tags": ["a", "b", "c"]}}),
        ("user.tags[1]", VALUE | {"user": {"name": "ann", "ssn": "1", "tags": ["a", "c"]}}),
        ("user.tags[-1]", VALUE | {"user": {"name": "ann", "ssn": "1", "tags": ["a", "b"]}}),
        ("user.tags[*]", VALUE | {"user": {"name": "ann", "ssn": "1", "tags": []}}),
        ("items[*].price", VALUE | {"items": [{"sku": 1}, {"sku": 3}, 5]}),
        ("items[0].price", VALUE | {"items": [{"sku": 1}, *ITEMS[1:]]}),
        ("*.name", VALUE | {"user": {"ssn": "1", "tags": ["a", "b", "c"]}}),
        ('"a.b".c', VALUE | {"a.b": {}}),
        ("*", {}),
    ],
)
def test_what_is_taken_out(path: str, expected: Any) -> None:
    assert made(remove, path) == expected


@pytest.mark.parametrize(
    "path", ["none", "user.none.name", "user.name.none", "items[9]", "items[-9]", "user[0]", "[0]"]
)
def test_where_nothing_is_nothing_is_taken(path: str) -> None:
    assert made(remove, path) == VALUE


def test_a_new_name_stands_where_the_old_one_stood() -> None:
    assert list(made(rename, "user.name", "called")["user"]) == ["called", "ssn", "tags"]
    assert made(rename, "items[*].sku", "id")["items"] == [{"id": 1, "price": 2}, {"id": 3, "price": 4}, 5]
    replaced = made(rename, "user.name", "ssn")["user"]
    assert list(replaced.items()) == [("ssn", "ann"), ("tags", ["a", "b", "c"])]
    assert made(rename, "user.none", "ssn") == VALUE


@pytest.mark.parametrize(
    ("path", "at", "expected"),
    [
        ("user.name", "user", {"name": "new", "ssn": "1", "tags": ["a", "b", "c"]}),
        ("user.age", "user", VALUE["user"] | {"age": "new"}),
        ("meta.source.name", "meta", {"source": {"name": "new"}}),
        ('"a.b".c.d', "a.b", {"c": {"d": "new"}}),
        ("items[*].price", "items", [{"sku": 1, "price": "new"}, {"sku": 3, "price": "new"}, 5]),
        ("items[2]", "items", [*ITEMS[:2], "new"]),
        ("user.tags[*]", "user", VALUE["user"] | {"tags": ["new"] * 3}),
        ("user.*", "user", {"name": "new", "ssn": "new", "tags": "new"}),
        ("user.name.first", "user", VALUE["user"]),
        ("items.none", "items", ITEMS),
        ("items[7]", "items", ITEMS),
        ("user[0]", "user", VALUE["user"]),
    ],
)
def test_what_is_set(path: str, at: str, expected: Any) -> None:
    assert made(put, path, "new") == VALUE | {at: expected}


@given(JSON, st.sampled_from(PATHS))
def test_what_was_taken_out_is_not_there(value: Any, path: str) -> None:
    steps, before = parse(path), copy.deepcopy(value)
    remove(value, steps)
    again = copy.deepcopy(value)
    put(again, steps, "put")
    json.dumps(again)
    if isinstance(steps[-1], str):
        gone = copy.deepcopy(value)
        remove(gone, steps)
        assert gone == value
    if not isinstance(before, dict | list):
        assert value == before


@given(JSON)
def test_a_fresh_copy_is_equal(value: Any) -> None:
    assert fresh(value) == value


def test_the_order_and_that_nothing_is_changed_in_two_places() -> None:
    change = Change(
        select=lambda value: {"full": value, "public": value},
        renames=((parse("full.a"), "b"),),
        removes=(parse("public.a"),),
        puts=((parse("public.c"), lambda exchange: exchange.method),),
    )
    assert change.apply({"a": 1}, exchange()) == {"full": {"b": 1}, "public": {"c": "GET"}}
