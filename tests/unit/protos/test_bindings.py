"""The google.api.http rules of a schema: which are taken, which are refused, and which one a request gets."""

from __future__ import annotations

import pytest

from gateway._fast.route import template
from gateway.handlers.grpc.bindings import Binding, bindings, find, member_at
from gateway.handlers.grpc.schema import Schema, SchemaError
from tests.support.shop import SERVICE, descriptor_set, file, rule

TABLE = bindings(Schema.read(descriptor_set()))


def found(method: str, path: str) -> str | tuple[str, ...]:
    match = find(TABLE, method, path.split("/")[1:])
    return match[0].method.name if match and isinstance(match[0], Binding) else match


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/orders/7", "Get"),
        ("HEAD", "/v1/orders/7", "Get"),
        ("GET", "/v1/shelves/1/orders/2", "Get"),
        ("GET", "/v1/orders/fail/5", "Fail"),
        ("GET", "/v1/orders/7/raw", "Get"),
        ("GET", "/v1/orders", "Find"),
        ("SEARCH", "/v1/orders", "Find"),
        ("POST", "/v1/orders", "Create"),
        ("PUT", "/v1/orders/7/tags", "Create"),
        ("POST", "/v1/orders/7:cancel", "Cancel"),
        ("GET", "/v1/orders/7:cancel", "Get"),
        ("DELETE", "/v1/orders/7", ("GET",)),
        ("PATCH", "/v1/orders/7:cancel", ("POST", "GET")),
        ("GET", "/v2/orders", ()),
    ],
)
def test_which_one_a_request_gets(method: str, path: str, expected: object) -> None:
    assert found(method, path) == expected


def test_the_more_specific_rule_wins_whatever_the_order() -> None:
    made = file()
    del made.service[0].method[1:]
    texts = ("/v1/{name=**}", "/v1/{id}", "/v1/{id}:x", "/v1/fixed", "/v1/{name=a/*}")
    rule(made.service[0].method[0], " ; ".join(f"GET {text}" for text in texts))
    table = bindings(Schema.read(descriptor_set(made)))
    paths = ("/v1/q/r/s", "/v1/q", "/v1/q:x", "/v1/fixed", "/v1/a/b")
    chosen = [find(table, "GET", path.split("/")[1:])[0] for path in paths]
    assert [each.template.text for each in chosen if isinstance(each, Binding)] == list(texts)


def test_services_can_be_chosen() -> None:
    schema = Schema.read(descriptor_set())
    assert schema.services == {SERVICE}
    assert bindings(schema, (SERVICE,)) == bindings(schema)
    assert bindings(schema, ("other.Service",)) == ()


def test_what_a_route_can_reach() -> None:
    reached = member_at(TABLE, template("/v1/orders/{id}"), ("GET",))
    assert {each.method.name for each in reached} == {"Get"}
    assert {each.verb for each in member_at(TABLE, template("/v1/orders"), ("HEAD",))} == {"GET"}
    assert member_at(TABLE, template("/v2/{rest:path}"), ()) == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("GET /v1/{nope}", "has no field nope"),
        ("GET /v1/{item.nope}", "has no field item.nope"),
        ("GET /v1/{tags.x}", "has no field tags.x"),
        ("GET /v1/{tags}", "tags is none that a path can say"),
        ("GET /v1/{item}", "item is none that a path can say"),
        ("POST /v1/x body=nope", "has no field nope for the body"),
        ("POST /v1/x response_body=nope", "has no field nope for the answer"),
        ("GET v1/x", "is no path template"),
    ],
)
def test_rules_that_cannot_be_used(text: str, words: str) -> None:
    made = file()
    rule(made.service[0].method[0], text)
    with pytest.raises(SchemaError, match=r"the rule of shop\.v1\.Orders\.Get cannot be used") as caught:
        bindings(Schema.read(descriptor_set(made)))
    assert words in str(caught.value)


def test_texts_in_paths_may_be_well_known_ones() -> None:
    made = file()
    rule(made.service[0].method[0], "GET /v1/{at}/{limit}/{color}/{item.count}")
    assert bindings(Schema.read(descriptor_set(made)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is no descriptor set"),
        (b"\xff\xff", "is no descriptor set"),
        (b"syntax = proto3;", "is no descriptor set"),
    ],
)
def test_what_is_no_descriptor_set(data: bytes, words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        Schema.read(data)


def test_a_set_without_its_imports_is_refused() -> None:
    made = file()
    made.dependency.append("other/money.proto")
    with pytest.raises(SchemaError, match=r"imports other/money.proto, which is not there.*--include_imports"):
        Schema.read(descriptor_set(made))


def test_a_set_that_contradicts_itself_is_refused() -> None:
    made = file()
    made.message_type[0].field[0].type_name, made.message_type[0].field[0].type = ".shop.v1.Nope", 11
    with pytest.raises(SchemaError, match=r"shop\.proto cannot be used"):
        Schema.read(descriptor_set(made))
