import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.yaml_core_schema import resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None),
        ("0", 0), ("012", 12), ("-7", -7), ("+7", 7), ("0o14", 12), ("0x1F", 31),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-1E-2", -0.01),
        (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf),
    ],
)  # fmt: skip
def test_core_values(text, value):
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_not_a_number():
    assert math.isnan(resolve(".nan"))


@pytest.mark.parametrize(
    "text",
    [
        "off", "on", "yes", "no", "Off", "y", "n", "tRUE", "nULL", "1:30", "190:20:30", "2026-01-01", "1_000", "0b11",
        "<<", "=", "-0o7", "0o8", "-0x1", "0xG", "1e", "e3", ".", "-", "+", "+.nan", "-.nan", "\u0661", "1 ",
        "0.0.0.0", "-.",
        "9" * 5000,
    ],
)  # fmt: skip
def test_everything_else_is_a_string(text):
    assert resolve(text) is text


def oracle(text):
    """The table of YAML 1.2.2 section 10.3.2, row by row."""
    if re.fullmatch(r"null|Null|NULL|~|", text):
        return None
    if re.fullmatch(r"true|True|TRUE|false|False|FALSE", text):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]+", text):
        return int(text, 8)
    if re.fullmatch(r"0x[0-9a-fA-F]+", text):
        return int(text, 16)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    if re.fullmatch(r"[-+]?(\.inf|\.Inf|\.INF)", text):
        return -math.inf if text[0] == "-" else math.inf
    if re.fullmatch(r"\.nan|\.NaN|\.NAN", text):
        return math.nan
    return text


@given(st.one_of(st.text("0123456789.+-eExonaifNulTtrsF~_:", max_size=8), st.text(max_size=6)))
def test_agrees_with_the_table_of_the_specification(text):
    expected, found = oracle(text), resolve(text)
    assert type(found) is type(expected)
    assert repr(found) == repr(expected)
