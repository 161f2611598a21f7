"""Programs for verdicts against their oracle, and what they cannot be."""

import fastjsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway._fast.body_program import MOST_CONSTANTS, MOST_REGISTERS, ORDERS, STEPS, Verdict
from gateway.validation.generated import Unknown
from gateway.validation.program import program
from gateway.validation.tightened import tighten, tightened
from tests.oracles.verdict_oracle import judged
from tests.unit.validating.test_tightened import FORMATS, PERSON, SCHEMAS, VALUES, code_of


def program_of(rules):
    _, made, names = tightened(code_of(rules))
    return program(made.body, made.args.args[0].arg, FORMATS, names)


@given(SCHEMAS, st.lists(VALUES, min_size=4, max_size=8))
@settings(max_examples=100)
def test_a_program_is_run_as_the_oracle_runs_it(rules, values):
    try:
        steps, constants, start, registers = program_of(rules)
    except (Unknown, fastjsonschema.JsonSchemaDefinitionException):
        return
    verdict = Verdict(steps, constants, start, registers)
    for value in values:
        assert verdict(value) is judged(steps, constants, start, value)


NUMBERS = [
    0,
    1,
    -1,
    5,
    2**53,
    -(2**53),
    2**53 + 1,
    2**63,
    -(2**63) - 1,
    2**80,
    0.5,
    -0.5,
    1e300,
    -1e300,
    9007199254740992.0,
]


@pytest.mark.parametrize("bound", [0, 5, -1, 2**53, -(2**53)])
@pytest.mark.parametrize("rule", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
def test_numbers_of_any_size_stand_to_a_bound_as_python_says(rule, bound):
    rules = {"type": "number", rule: bound}
    compared = {"minimum": "__ge__", "maximum": "__le__", "exclusiveMinimum": "__gt__", "exclusiveMaximum": "__lt__"}
    verdict = Verdict(*program_of(rules))
    for number in NUMBERS:
        stands = getattr(number, compared[rule])(bound)
        if stands is NotImplemented:  # a float beside an int
            stands = getattr(number, compared[rule])(float(bound))
        assert verdict(number) is stands, number


@pytest.mark.parametrize(
    "rules",
    [
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"type": "number", "minimum": 2**53 + 1},
        {"type": "string", "maxLength": 2**31},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"properties": {f"a{number}": {"type": "string"} for number in range(MOST_CONSTANTS + 1)}},
    ],
)
def test_what_no_program_can_say_is_left_to_python(rules):
    with pytest.raises(Unknown):
        program_of(rules)
    assert not isinstance(tighten(code_of(rules), FORMATS), Verdict)


def test_an_order_is_judged_by_a_program():
    verdict = tighten(code_of(PERSON), FORMATS)
    assert isinstance(verdict, Verdict)
    assert verdict({"a": "a", "b": [1, None]}) and not verdict({"a": "a", "b": ["1"]})


def test_the_same_name_in_another_object_is_another_member():
    rules = {"items": {"required": ["a"], "properties": {"a": {"type": "string"}}, "type": "object"}, "type": "array"}
    verdict = Verdict(*program_of(rules))
    assert verdict([{"a": "x"}, {"a": "y"}]) and not verdict([{"a": "x"}, {"a": 1}]) and not verdict([{"a": "x"}, {}])


YES, TYPE, IN, SIZE, EACH = (STEPS[name] for name in ("yes", "type", "in", "size", "each"))


@pytest.mark.parametrize(
    ("steps", "constants", "start", "registers"),
    [
        ([], (), 0, 1),
        ([(YES, 0, 0, 0, 0, 0)], (), 1, 1),
        ([(YES, 0, 0, 0, 0, 0)], (), 0, 0),
        ([(YES, 0, 0, 0, 0, 0)], (), 0, MOST_REGISTERS + 1),
        ([(YES, 0, 0, 0, 0, 0)], (0,) * (MOST_CONSTANTS + 1), 0, 1),
        ([(YES, 0, 0, 0, 1, 0)], (), 0, 1),
        ([(YES, 0, 0, 0, 0, -1)], (), 0, 1),
        ([(YES, 1, 0, 0, 0, 0)], (), 0, 1),
        ([(SIZE, ORDERS["<"], 1, 0, 0, 0)], (), 0, 1),
        ([(EACH, 0, 0, 1, 0, 0)], (), 0, 1),
        ([(TYPE, 0, 0, 0, 0, 0)], (), 0, 1),
        ([(IN, 0, 0, -1, 0, 0)], ("a",), 0, 1),
        ([(YES, 0, 0, 0, 0)], (), 0, 1),
    ],
)
def test_a_step_that_points_nowhere_is_refused(steps, constants, start, registers):
    with pytest.raises(ValueError):
        Verdict(steps, constants, start, registers)
