"""The JSON reader beside its oracle: the same values, and the same texts refused."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.json import Reader
from tests.oracles import json_oracle

DEPTH, MEMBERS = 6, 40
READER = Reader(DEPTH, MEMBERS)
EXPECTING = Reader(DEPTH, MEMBERS, ("a", "b", "ab", "", "é", "x" * 40))


def judged(read, *arguments):
    """What comes of it, with types and signs: 1, 1.0 and True are three things, 0.0 and -0.0 two."""
    try:
        return repr(read(*arguments))
    except ValueError:
        return "refused"


def same(data):
    found = judged(READER.read, data)
    assert found == judged(EXPECTING.read, data) == judged(json_oracle.read, data, DEPTH, MEMBERS)
    return found


TAKEN = (
    *(b" null ", b"true", b"false", b'""', b"[]", b"{}", b"\t\r\n[ ]\n", b'{ "a" : [ 1 , 2 ] }'),
    *(b"0", b"-0", b"-0.0", b"1e5", b"1E+5", b"1.5e-3", b"1e-999", b"123456789012345678", b"1234567890123456789012"),
    *(b"-999999999999999999", b"9223372036854775808", b"1.7976931348623157e308", b"5e-324", b"1" * 4300),
    *(b'"\\u0000"', b'"\\ud83d\\ude00"', b'"\\/\\b\\f\\n\\r\\t\\\\\\""', b'"\\u00e9\\u20ac\\uFFFF"', '"é€😀"'.encode()),
    *(b'"0123456"', b'"01234567"', b'"012345678"', b'"01234567\\n"', '"01234567é01234567"'.encode(), b'"\x7f"'),
    *(b"[" * DEPTH + b"]" * DEPTH, b"[" + b"1," * (MEMBERS - 1) + b"1]", b'{"":1}', b'{"a":1,"A":2,"aa":3}'),
    *(b'[{"abc":1},{"axc":2},{"abc":3}]', b'{"' + b"k" * 40 + b'":1}', '{"é":1}'.encode(), b'{"\\u0061":1,"b":2}'),
)
REFUSED = (
    *(b"", b" ", b"nul", b"nulll", b"tru", b"True", b"NaN", b"Infinity", b"-Infinity", b"-", b"+1", b"01", b"-01"),
    *(b"1.", b".5", b"1.e5", b"1e", b"1e+", b"1e999", b"-1e400", b"0x10", b"1_0", b"1" * 4301, b"1 2", b"1\x00"),
    *(
        b'"',
        b'"a',
        b'"\\',
        b'"\\"',
        b'"\\x"',
        b'"\\u12"',
        b'"\\u12g4"',
        b'"\\ud800"',
        b'"\\ud800\\u0041"',
        b'"\\udc00"',
    ),
    *(
        b'"\\ud800x"',
        b'"\\ud800\\',
        b'"\n"',
        b'"a\x00"',
        b'"01234567\x1f"',
        b'"\xff"',
        b'"\xc0\x80"',
        b'"\xed\xa0\x80"',
    ),
    *(b"[", b"]", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1 2]", b"[1}", b"{", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,}'),
    *(b"{a:1}", b"{1:1}", b'{"a" 1}', b'{"a":1]', b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b"\xef\xbb\xbf1", b"/**/1"),
    *(b'{"\xff":1}', b'{"\n":1}', b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), b"[" + b"1," * MEMBERS + b"1]", b"\xa01"),
    *(b'"\\u 123"', b'"\\u+123"', b'"' + b"a" * 30 + b"\\" + b'"', b"\x0b1", b'{"a":1}{', b"[1]]", b'"a"b'),
)


@pytest.mark.parametrize("data", TAKEN, ids=repr)
def test_what_is_taken(data):
    assert same(data) != "refused"


@pytest.mark.parametrize("data", REFUSED, ids=repr)
def test_what_is_refused(data):
    assert same(data) == "refused"


def test_names_are_remembered_and_never_mixed_up():
    names = [f"{a}{b}{c}" for a in "abcd" for b in "abcd" for c in "abcd"]
    for _ in range(2):
        for name in names:
            assert READER.read(b'{"%s":1}' % name.encode()) == {name: 1}


def test_what_it_is_given_is_bytes():
    for other in ("{}", None, bytearray(b"{}")):
        with pytest.raises(TypeError):
            READER.read(other)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=9), inner, max_size=5)),
    max_leaves=25,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_what_python_writes(value, ascii_only, indent):
    same(json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass"))


@given(VALUES, st.data())
def test_what_is_cut_or_changed(value, data):
    whole = bytearray(json.dumps(value).encode())
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[at:]
    else:
        whole[at] = data.draw(st.sampled_from(b'\x00"\\[]{},:0-.eu\xe9'))
    same(bytes(whole))


@given(st.text(alphabet='[]{},:"\\u0d8e1-. tn', max_size=30))
def test_what_is_nearly_json(text):
    same(text.encode())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_to_the_last_bit(value):
    assert math.copysign(1, READER.read(repr(value).encode())) == math.copysign(1, value)
    assert READER.read(repr(value).encode()) == value


@given(st.integers(0, 10**17), st.integers(0, 17), st.booleans())
def test_so_are_those_that_are_written_as_people_do(digits, places, negative):
    text = f"{digits:018}"
    whole, fraction = text[: 18 - places].lstrip("0") or "0", text[18 - places :] or "0"
    same(f"{'-' * negative}{whole}.{fraction}".encode())


def test_names_that_were_told_are_what_is_given():
    name, other = "".join(["na", "me"]), "".join(["oth", "er"])
    found = Reader(DEPTH, MEMBERS, (name,)).read(b'[{"name": 1, "other": 2}, {"name": 3, "other": 4}]')
    assert all(next(iter(each)) is name for each in found)
    assert list(found[0])[1] is list(found[1])[1] is not other


@pytest.mark.parametrize("text", ['{"a": 1, "b": 2}', '{"a": 1, "bc": 2}', '{"a": 1, "b\\u0063": 2}', '{"a": 1, "b'])
def test_a_name_like_the_one_that_came_next_before(text):
    reader = Reader(DEPTH, MEMBERS)
    reader.read(b'[{"a": 1, "b": 2}, {"a": 1, "b": 2}]')
    assert judged(reader.read, text.encode()) == judged(json_oracle.read, text.encode(), DEPTH, MEMBERS)
