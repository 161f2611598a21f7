"""Values that need no closer look: the same as the oracle says, and never one in which something is found."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway._fast.waf_decode import CRLF, FORM, TEXT, URL, readings
from gateway._fast.waf_scan import Fields, cookies_need_look, form_needs_look, json_needs_look, needs_look
from gateway.errors import GatewayError
from gateway.http.json_reader import JsonReader
from gateway.validation.waf.body import json_fields
from gateway.validation.waf.detect import _in_readings
from tests.oracles import json_oracle
from tests.oracles import screen_oracle as oracle

WORDS = [
    *"aZ7_-./\\'\"`<>()[{:;=%&+#é?", "..", "etc/", "PROC\\", ".ini", "web-inf/", "\u00bc", "\uff1c", "%2e", "%00",
    "%2f", "%c3%a9", "or", "--", "/*", "&lt;", "&amp;", "&#39;", "%u003c", "\\u003c", "\\x3c", "\\n", "+ADw-",
    "aGVsbG8gd29ybGQ=", "PHNjcmlwdD4=", "quantity", "description", "__proto__", "prototype",
    "javascript:", "data:text/html,", "on", "onload", "onerror=", "https://", "12:30", "alert(1)", "<script>",
    "srcdoc", "formaction", "select", "union", "from", "sleep(", "order", "by", "-moz-binding", "behavior",
    "url(", "livescript", "set-cookie:", "vbscript", ":x", "3c7363726970743e", "0x41424344", "base64,",
]  # fmt: skip
PIECES = st.sampled_from([*WORDS, " ", " or 1=1", "\x00", "\r\n", "\n", "\t", "\x0b", "\x7f", " +", "%", "&"])
TEXTS = st.lists(PIECES, max_size=12).map("".join) | st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
ASCII = TEXTS.filter(str.isascii)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@given(TEXTS, st.sampled_from([FORM, URL, TEXT]))
@example("a" * 7 + "." + "b" * 7, TEXT)
@example("a" * 8, TEXT)
@example("a-b" * 20, TEXT)
@example("quantity", TEXT)
@example("+44 20 7946 0000", TEXT)
@example("1+or+1=1", URL)
@example("AT&T, 50% off & more", TEXT)
@example("2024-05-06T12:00:00Z", TEXT)
@example("Dún Laoghaire", TEXT)
@example("a" * 3000 + "+or", TEXT)
@example("%41" * 1000, FORM)
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
@example("__pr%6fto__=1")
@example("&".join(f"a{n}={n}" for n in range(200)))
@example("q=\ud800")
def test_forms(text):
    assert form_needs_look(text) is oracle.form_needs_look(text)


@given(ASCII)
@example('a="x" ; b= "y"; c')
@example("a=1; b=%7B%22x%22%3A1%7D")
@example("a=1 union select 1,2")
def test_cookies(value):
    assert cookies_need_look([("Host", "'"), ("cookie", value)]) is oracle.cookies_need_look(value)


def test_cookies_that_are_not_ascii_are_looked_at():
    assert cookies_need_look([("Cookie", "a=é")]) and not cookies_need_look([("X-Cookie", "a=é")])


@given(
    st.lists(
        st.tuples(st.sampled_from(["X-A", "x-b", "Accept"]), TEXTS | TEXTS.map("https://a/?{}".format)), max_size=6
    )
)
@example([("Referer", "http://a.example/?q=MScgb3IgJzEnPScx&page=2")])
@example([("Referer", "http://a.example/?q=green+tea&page=2")])
def test_header_fields(headers):
    fields = Fields(frozenset(("accept",)), 2)
    expected = any(name != "Accept" and oracle.field_needs_look(value) for name, value in headers)
    for _ in range(2):  # as the first time, so the second
        assert fields.need_look(headers) is expected


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
@example({"a": [{"b": 1, "c": 2}, {"b": 3}], "d": {"b": 1}}, True, None)
@example({f"n{n}": n for n in range(200)}, True, None)
@example({"a": 'line\n"quoted" é'}, True, None)
@example([1e99, -0.5, 10**40], True, None)
def test_json(value, is_ascii, indent):
    data = json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode()
    verdict, expected = json_needs_look(data, 32, 1000), oracle.json_needs_look(value)
    if b"\\" in data or b"e+" in data or b"e-" in data:
        assert verdict or not expected  # a name with an escape, or a large number, is for others to look at
    else:
        assert verdict is expected


@given(st.lists(st.sampled_from([*'{}[]:,"', '"a"', '"b"', "1", "-", "0", ".5", "e9", "1e400", "true", "null", " ",
                                 '"\\ud800"', '"\\u00e9"', "\ufeff", '"\x01"']), max_size=12).map("".join))  # fmt: skip
@example('{"a":1,"a":2}')
@example('{"a":1,"\\u0061":2}')
@example("[" * 40 + "]" * 40)
@example("[" + "1," * 1000 + "1]")
@example('{"a":{"a":1},"b":{"a":1}}')
@example("1" * 5000)
def test_json_that_needs_no_look_can_be_read(text):
    if not json_needs_look(text.encode(), 32, 1000):
        json_oracle.read(text.encode(), 32, 1000)


@given(st.binary(max_size=12))
def test_text_in_json_that_needs_no_look_is_utf_8(raw):
    data = b'["' + raw + b'", "a text"]'
    if not json_needs_look(data, 32, 1000):
        JsonReader(32, 1000).read(data)


def test_too_many_names_are_for_others_to_look_at():
    assert form_needs_look("&".join(f"a{n}" for n in range(300)))
    assert json_needs_look(json.dumps({f"a{n}": n for n in range(300)}).encode(), 32, 1000)


@given(VALUES)
def test_nothing_is_found_in_json_that_needs_no_look(value):
    data = json.dumps(value, ensure_ascii=False).encode()
    if json_needs_look(data, 32, 1000):
        return
    try:
        fields = list(json_fields(JsonReader(32, 1000).read(data)))
    except GatewayError as error:
        raise AssertionError(data) from error
    for _, text, way in fields:
        flags, found = readings(text, TEXT)
        assert not _in_readings(flags & ~CRLF, found) and "__proto__" not in way


@pytest.mark.parametrize("value", [b"a", None, 1])
def test_a_value_is_a_text(value):
    with pytest.raises(TypeError):
        needs_look(value, TEXT)
