"""Schemas: what fits and what does not, and that the fast path never says yes where the other one says no."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.validation.fault import MOST, Violation, pointer, problem_for
from gateway.validation.schema import Schema

ROOT = "file:///s/item.json"


def schema(value, **others):
    return Schema("item.json", ROOT, {ROOT: json.dumps(value), **{f"file:///s/{k}.json": v for k, v in others.items()}})


def fits(rules, value, **others):
    return schema(rules, **others).faults(value) == []


# What fastjsonschema alone gets wrong, each as (schema, value, verdict of draft-07).
TRICKY = [
    ({"pattern": r"^\d+$"}, "\u0967", False),
    ({"pattern": r"^\w$"}, "\u00e9", False),
    ({"pattern": r"^\S$"}, "\ufeff", False),
    ({"pattern": r"^.$"}, "\u2028", False),
    ({"pattern": r"^\p{Letter}+$"}, "\u00e9", True),
    ({"pattern": r"^\cC$"}, "\u0003", True),
    ({"pattern": "^a$"}, "a\n", False),
    ({"pattern": "^[$]$"}, "$", True),
    ({"patternProperties": {r"^\d$": False}}, {"\u0967": 1}, True),
    ({"format": "time"}, "25:00:00Z", False),
    ({"format": "time"}, "12:00:00", False),
    ({"format": "date-time"}, "1998-12-31T23:58:60Z", False),
    ({"format": "date"}, "2023-02-29", False),
    ({"format": "idn-hostname"}, "\uc2e4\ub840.\ud14c\uc2a4\ud2b8", True),
    ({"format": "uri"}, "//a", False),
    ({"format": "uuid"}, "no", False),
    ({"format": "uuid"}, "0b5f4f26-5c5c-4a3c-8c8f-1a2b3c4d5e6f", True),
    ({"format": "nobody-knows"}, "x", True),
    ({"const": 1}, 1.0, True),
    ({"const": 1}, True, False),
    ({"enum": [[False]]}, [0], False),
    ({"uniqueItems": True}, [1, True], True),
    ({"uniqueItems": True}, [1, 1.0], False),
    ({"type": "integer"}, 1.0, True),
    ({"type": "integer"}, 10**60, True),
    ({"multipleOf": 0.01}, 0.07, True),
    ({"minLength": 2}, "\U0001f600", False),
    ({"$ref": "#/definitions/a", "maxLength": 1, "definitions": {"a": {"type": "string"}}}, "abc", True),
    ({"properties": {"$ref": {"type": "string"}}}, {"$ref": 1}, False),
    ({"properties": {"a{b}": {"type": "string"}}}, {"a{b}": 1}, False),
    ({"properties": {'"\n': {"type": "string"}}}, {'"\n': 1}, False),
    ({"$ref": "#"}, 1, True),
    ({"contentMediaType": "application/json"}, "{:}", False),
    (False, 1, False),
    (True, 1, True),
]


@pytest.mark.parametrize(("rules", "value", "verdict"), TRICKY, ids=[f"{r}-{v!r}" for r, v, _ in TRICKY])
def test_draft_07_is_kept_where_it_is_hard(rules, value, verdict):
    assert fits(rules, value) is verdict


def test_references_lead_into_other_documents_and_come_back():
    node = json.dumps({"type": "object", "properties": {"next": {"$ref": "#"}, "item": {"$ref": "item.json"}}})
    rules = {"type": "object", "properties": {"node": {"$ref": "node.json"}}, "required": ["node"]}
    assert fits(rules, {"node": {"next": {"next": {"item": {"node": {}}}}}}, node=node)
    found = schema(rules, node=node).faults({"node": {"next": {"next": {"item": {}}}}})
    assert found == [Violation("/node/next/next/item", '"node" is a required property')]


def test_simple_schemas_take_the_fast_path_and_others_do_not():
    simple = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "format": "email"}}}
    assert schema(simple).is_plain
    for rules in ({"patternProperties": {"a": {}}}, {"$ref": "#/definitions/a", "definitions": {"a": {}}}, True):
        assert not schema(rules).is_plain


def test_every_fault_has_its_pointer_and_no_value_of_the_clients():
    rules = {"properties": {"a/b": {"type": "integer"}, "m~n": {"items": {"maxLength": 1}}}, "required": ["x"]}
    found = schema(rules).faults({"a/b": "secret-one", "m~n": ["a", "secret-two"]})
    assert {fault.pointer for fault in found} == {"/a~1b", "/m~0n/1", ""}
    assert "secret" not in str(found)


def test_no_more_than_twenty_are_listed():
    found = schema({"items": {"type": "string"}}).faults(list(range(5000)))
    assert len(found) == MOST + 1
    from gateway.errors import INVALID_BODY

    error = problem_for(INVALID_BODY, "The body", found)
    assert len(error.extensions["errors"]) == 20
    assert "first 20" in error.detail
    assert pointer(("a", 0, "~/")) == "/a/0/~0~1"


def test_a_pointer_does_not_repeat_a_very_long_name():
    found = schema({"additionalProperties": {"items": {"type": "integer"}}}).faults({"n" * 100_000: ["x"] * 30})
    assert {fault.pointer for fault in found} == {""} and len(str(found)) < 10_000
    assert pointer(("a", "b" * 900, "c" * 200)) == "/a/" + "b" * 900


def test_a_pattern_that_backtracks_gives_up():
    hard = "^(([a-z])+.)+[A-Z]([a-z])+(?=!)$"
    assert not fits({"pattern": hard}, "a" * 60)


WORDS = st.sampled_from(["a", "b", "c-d"])
LEAVES = st.one_of(
    st.fixed_dictionaries({}, optional={"type": st.sampled_from(["string", "integer", "number", "null", "array"])}),
    st.fixed_dictionaries({}, optional={"minimum": st.integers(-2, 2), "exclusiveMaximum": st.integers(-2, 2)}),
    st.fixed_dictionaries({}, optional={"minLength": st.integers(0, 2), "pattern": st.sampled_from([r"^\d", "b$"])}),
    st.fixed_dictionaries({"enum": st.lists(WORDS, min_size=1, max_size=2)}),
    st.fixed_dictionaries({"const": WORDS}),
    st.fixed_dictionaries({"format": st.sampled_from(["date", "email", "ipv4"])}),
    st.booleans(),
)


def _grown(inner):
    several = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(WORDS, inner, max_size=2),
            "required": st.lists(WORDS, max_size=2, unique=True),
            "additionalProperties": inner,
            "items": inner,
            "maxItems": st.integers(0, 2),
            "minProperties": st.integers(0, 2),
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
        },
    )


SCHEMAS = st.recursive(LEAVES, _grown, max_leaves=6)
TEXTS = st.sampled_from(["", "a", "b", "c-d", "7b", "\u0967", "2023-02-29", "a@b.example", "1.2.3.4", "b\n"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(-3, 3), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=5,
)


@given(SCHEMAS, VALUES)
def test_the_fast_path_says_what_the_other_one_says(rules, value):
    made = schema(rules)
    if made.is_plain:
        assert made.fits(value) == made._validator.is_valid(value)
