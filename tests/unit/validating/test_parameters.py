"""Query, header fields and path parameters as values."""

import pytest

from gateway.validation.fault import Violation
from gateway.validation.parameters import StyleError, header_object, param_object, query_object
from gateway.validation.styles import Insides, ItemType, typed

NONE = {}
PLAIN = Insides({})


def of(*types):
    return frozenset(types)


@pytest.mark.parametrize(
    ("text", "types", "value"),
    [
        ("7", ("integer",), 7),
        ("-0", ("integer",), 0),
        ("07", ("integer",), "07"),
        ("+7", ("integer",), "+7"),
        ("1_0", ("integer",), "1_0"),
        ("\u0667", ("integer",), "\u0667"),
        ("7.5", ("integer",), "7.5"),
        ("7.5", ("number",), 7.5),
        ("7", ("number",), 7),
        ("1e3", ("number",), 1000.0),
        ("1e999", ("number",), "1e999"),
        ("nan", ("number",), "nan"),
        ("9" * 500, ("integer",), "9" * 500),
        ("true", ("boolean",), True),
        ("True", ("boolean",), "True"),
        ("7", ("string",), "7"),
        ("7", (), "7"),
        ("x", ("integer", "string"), "x"),
    ],
)
def test_a_text_becomes_what_its_schema_asks_for(text, types, value):
    found = typed(text, of(*types))
    assert (found, type(found)) == (value, type(value))


def test_a_query_is_decoded_as_forms_are():
    assert query_object("a=b+c&%64=%C3%A9&e&=f&&g=h=i", NONE, PLAIN) == {
        "a": "b c",
        "d": "\u00e9",
        "e": "",
        "": "f",
        "g": "h=i",
    }


def test_what_comes_again_is_an_array_where_the_schema_has_one():
    types, items = {"tag": of("array"), "n": of("array")}, Insides({"n": ItemType("", of("integer"), {})})
    assert query_object("tag=a&tag=b&n=1", types, items) == {"tag": ["a", "b"], "n": [1]}
    with pytest.raises(StyleError) as caught:
        query_object("a=1&b=2&%61=3", types, items)
    assert caught.value.fault == Violation("/a", "is there 2 times")


@pytest.mark.parametrize("query", ["a=%", "a=%4", "a=%zz", "a=%ff", "%c3=1", "a=\u00e9", "&".join(["a"] * 1001)])
def test_what_cannot_be_decoded(query):
    with pytest.raises(StyleError):
        query_object(query, NONE, PLAIN)


def test_header_fields_take_the_names_of_the_schema():
    headers = [("X-Count", "7"), ("x-tag", "a, b"), ("X-Tag", "c"), ("ACCEPT", " */* "), ("X-B", "\u00c3\u00a9")]
    found = header_object(headers, {"x-count": "X-Count"}, {"X-Count": of("integer"), "x-tag": of("array")}, PLAIN)
    assert found == {"X-Count": 7, "x-tag": ["a", "b", "c"], "accept": "*/*", "x-b": "\u00e9"}
    assert header_object([("a", "1"), ("A", "2")], NONE, NONE, PLAIN) == {"a": "1, 2"}


def test_path_parameters_have_the_type_of_their_template():
    kinds = {"id": "int", "price": "float"}
    assert param_object({"id": "7", "price": "1.5", "name": "a%2Fb"}, kinds, NONE, PLAIN) == {
        "id": 7,
        "price": 1.5,
        "name": "a/b",
    }
    assert param_object({"name": "8"}, kinds, {"name": of("integer")}, PLAIN) == {"name": 8}
    with pytest.raises(StyleError):
        param_object({"name": "%ff"}, kinds, NONE, PLAIN)


DEEP = Insides({"o": ItemType("deep", of(), {"n": of("integer")}), "p": ItemType("spread", of(), {"m": of("integer")})})


def test_objects_whose_members_are_parameters():
    assert query_object("o[n]=7&o%5Bs%5D=x&m=1&z[n]=2", NONE, DEEP) == {
        "o": {"n": 7, "s": "x"},
        "p": {"m": 1},
        "z[n]": "2",
    }


@pytest.mark.parametrize(("query", "where"), [("o[n]=1&o[n]=2", "/o[n]"), ("m=1&m=2", "/m"), ("o[n]=%ff", "/o[n]")])
def test_members_come_once_and_can_be_read(query, where):
    with pytest.raises(StyleError) as caught:
        query_object(query, NONE, DEEP)
    assert caught.value.fault.pointer == where


def test_an_object_and_its_members_do_not_mix():
    with pytest.raises(StyleError) as caught:
        query_object("o[n]=1&o=2", NONE, DEEP)
    assert caught.value.fault.pointer == "/o"
