"""JSON from strangers: what is read, and what is refused before it costs anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BODY_TOO_COMPLEX, MALFORMED_BODY, GatewayError
from gateway.http.json_reader import JsonReader

READER = JsonReader(32, 1000)


def refused(data, reader=READER):
    with pytest.raises(GatewayError) as caught:
        reader.read(data)
    return caught.value.kind, caught.value.detail


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "line 1, column 1"),
        (b"{", "line 1, column 2"),
        (b"[1,]", "line 1"),
        (b'{"a":1}x', "extra data"),
        (b'{"a":1,"a":1}', "twice"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "twice"),
        (b"NaN", "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"1e999", "larger"),
        (b"-1E+400", "larger"),
        (b"1" * 5000, "digits"),
        (b"1" * 350 + b".0", "larger"),
        (b'"\xff"', "UTF-8 at byte 1"),
        (b'"\xed\xa0\x80"', "UTF-8"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udc00":1}', "surrogate"),
        (b'[[["\\ud83d\\u0041"]]]', "surrogate"),
        (b'"a\x00"', "control"),
        (b"\xef\xbb\xbf{}", "line 1"),
        ('"a"'.encode("utf-16"), "UTF-8"),
        (b"[" * 3 + b"]" * 90, "extra data"),
        (b"]" * 5000 + b"[" * 40, "closed"),
    ],
)
def test_what_is_not_json_that_all_readers_read_alike(data, words):
    kind, detail = refused(data)
    assert kind is MALFORMED_BODY
    assert words in detail


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b"[" * 1_000_000,
        b'["' + b'\\"[' * 50 + b'",' + b"[" * 40,
        b"[" + b"1," * 1000 + b"1]",
        b"{" + b",".join(b'"%d":1' % n for n in range(1001)) + b"}",
        b"[" + b"[]," * 600 + b"[]]",
        b'[{"a' + b"[" * 100 + b'":' + b"[{}," * 32 + b"1" + b"]" * 33 + b"}",
    ],
    ids=["arrays", "objects", "a million", "behind quotes", "items", "members", "arrays beside", "mixed"],
)
def test_what_is_too_deep_or_too_wide_is_not_parsed(data, monkeypatch):
    reader = JsonReader(32, 1000)
    reader._decode = None  # would raise TypeError
    assert refused(data, reader)[0] is BODY_TOO_COMPLEX


def test_just_deep_and_wide_enough():
    deep = b"[" * 32 + b"]" * 32
    assert READER.read(deep) == json.loads(deep)
    assert len(READER.read(b"[" + b"1," * 999 + b"1]")) == 1000
    brackets = b'["' + b'[[{{\\"\\\\' * 5000 + b'",","]'
    assert READER.read(brackets) == json.loads(brackets)


def test_what_is_whole_passes():
    data = '{"a": [1, -2.5e3, true, null, "\\ud83d\\ude00 \u00e9 \\u0000"], "b": {}, "c": 1e-999}'.encode()
    assert READER.read(data) == json.loads(data)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=40,
)


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def count(value):
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    containers = isinstance(value, dict | list)
    return max(containers, len(inner)) + sum(map(count, inner))


@given(VALUES, st.booleans())
def test_depth_and_members_are_counted_right(value, ascii_only):
    data = json.dumps(value, ensure_ascii=ascii_only, indent=1).encode("utf-8", "surrogatepass")
    deep, wide = max(1, depth(value)), max(1, count(value))
    assert JsonReader(deep, wide).read(data) == value
    if depth(value) > 1:
        assert refused(data, JsonReader(deep - 1, 10**6))[0] is BODY_TOO_COMPLEX
    if count(value) > 1 and count(value) > depth(value):
        assert refused(data, JsonReader(deep, wide - 1))[0] is BODY_TOO_COMPLEX


@given(st.text(alphabet='[]{},:"\\a1 ', max_size=60))
def test_what_the_count_lets_pass_is_never_deeper(text):
    try:
        expected = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    except ValueError:
        refused(text.encode(), JsonReader(3, 1000))
        return
    try:
        JsonReader(3, 1000).read(text.encode())
    except GatewayError as error:
        assert error.kind is MALFORMED_BODY or depth(json.loads(text)) > 3, expected
