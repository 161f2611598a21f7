"""Values that need no closer look: the same as the oracle says, and never one in which something is found."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway._fast.decode import CRLF, FORM, TEXT, URL, readings
from gateway._fast.screen import form_needs_look, json_needs_look, needs_look
from gateway.screening.values import _in_readings
from tests.oracles import screen_oracle as oracle

PIECES = st.sampled_from(
    [
        *(
            "a",
            "Z",
            "7",
            "_",
            "-",
            ".",
            "..",
            "/",
            "\\",
            "etc/",
            "PROC\\",
            ".ini",
            "web-inf/",
            "'",
            " or 1=1",
            "<script>",
        ),
        *("%", "é", "&", "=", "+", "%2e", "%00", "%2f", "or", "1", "\x00", "\r\n", "aGVsbG8gd29ybGQ="),
        *("__proto__", "prototype", "quantity"),
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@given(TEXTS, st.sampled_from([FORM, URL, TEXT]))
@example("a" * 7 + "." + "b" * 7, TEXT)
@example("a" * 8, TEXT)
@example("a-b" * 20, TEXT)
def test_as_the_oracle_says(text, kind):
    assert needs_look(text, kind) is oracle.needs_look(text, kind)


@given(TEXTS, st.sampled_from([FORM, URL, TEXT]))
@example("/etc/passwd", TEXT)
@example("file=BOOT.INI", TEXT)
def test_nothing_is_found_in_what_needs_no_look(text, kind):
    if not needs_look(text, kind):
        flags, found = readings(text, kind)
        assert not _in_readings(flags & ~CRLF if kind == TEXT else flags, found)


@given(TEXTS)
@example("a=1&a=2")
def test_forms(text):
    assert form_needs_look(text) is oracle.form_needs_look(text)


@given(VALUES)
def test_json(value):
    assert json_needs_look(value) is oracle.json_needs_look(value)


@pytest.mark.parametrize("value", [b"a", None, 1])
def test_a_value_is_a_text(value):
    with pytest.raises(TypeError):
        needs_look(value, TEXT)
