"""Tightened code says what the code as it was generated says, of all that JSON can say."""

import fastjsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.validation.generated import Unknown
from gateway.validation.plain import _as_generated
from gateway.validation.tightened import executed, tighten, tightened

FORMATS = {"short": lambda text: len(text) < 2}
NAMES = st.sampled_from(["a", "b", "a_b", "ab"])
SCALARS = st.sampled_from([None, True, False, 0, 1, -1, 2**70, 0.0, 1.0, 1.5, -0.5, "", "a", "b", "ab"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])
LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": TYPES | st.lists(TYPES, min_size=1, max_size=3, unique=True),
        "minimum": st.integers(-1, 1),
        "exclusiveMaximum": st.integers(-1, 2),
        "minLength": st.integers(0, 2),
        "maxLength": st.integers(0, 2),
        "format": st.just("short"),
        "enum": st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2, unique=True),
    },
)


def grown(inner):
    several = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", ["object", "null"]]),
            "properties": st.dictionaries(NAMES, inner, max_size=3),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "additionalProperties": st.booleans() | inner,
            "items": inner,
            "minItems": st.integers(0, 2),
            "maxProperties": st.integers(0, 3),
            "allOf": several,
            "anyOf": several,
            "oneOf": several,
            "not": inner,
        },
    )


SCHEMAS = st.recursive(LEAVES, grown, max_leaves=8)
PERSON = {
    "type": "object",
    "additionalProperties": False,
    "required": ["a", "b"],
    "properties": {
        "a": {"type": "string", "minLength": 1, "format": "short"},
        "b": {"type": "array", "items": {"type": ["integer", "null"], "minimum": 0}},
        "ab": {"enum": ["a", "b"]},
    },
}


def code_of(rules):
    options = {"formats": FORMATS, "use_default": False, "detailed_exceptions": False}
    return fastjsonschema.compile_to_code(rules, **options)


@given(SCHEMAS, st.lists(VALUES, min_size=4, max_size=8))
@example(PERSON, [{"a": "a", "b": [1, None]}, {"a": "a", "b": [1.0]}, {"a": "a", "b": [True]}, {"a": "a"}])
@example(PERSON, [{"a": "a", "b": [], "ab": "b"}, {"a": "a", "b": [], "ab": 1}, {"a": "a", "b": [], "c": 1}, []])
@example({"allOf": [PERSON, {"required": ["ab"]}]}, [{"a": "a", "b": []}, {"a": "a", "b": [], "ab": "a"}])
@example({"properties": {"a_b": PERSON, "ab": {"properties": {"b": False}, "additionalProperties": False}}},
         [{"a_b": {"a": "a", "b": []}, "ab": {}}, {"ab": {"a": 1}}, {"a_b": {"a": "a", "b": [], "c": 1}}])  # fmt: skip
@example({"items": {}, "minProperties": 0, "not": {"items": {}}}, [[], {}, 1])
@settings(max_examples=100)
def test_the_same_verdict(rules, values):
    try:
        code = code_of(rules)
    except fastjsonschema.JsonSchemaDefinitionException:
        return
    generated = _as_generated(rules, FORMATS)
    for judge in (tighten(code, FORMATS), run_by_python(code)):
        for value in values:
            assert judge(value) is generated(value), (value, code)


def run_by_python(code):
    module, made, names = tightened(code)
    return executed(module, made, {"custom_formats": FORMATS, **names})


def test_nothing_is_asked_twice_and_no_words_are_made():
    names = run_by_python(code_of(PERSON)).__code__.co_names
    assert "isinstance" not in names and "locals" not in names and "set" not in names


@pytest.mark.parametrize("code", ["x = 1", "def a(data): return data\ndef b(data): return data"])
def test_code_of_another_form_is_not_touched(code):
    with pytest.raises(Unknown):
        tighten(code, {})
