"""Arrays and objects that are written in one text."""

import pytest

from gateway.validation.styles import ItemType, StyleError, decoded, taken_apart


def of(*types):
    return frozenset(types)


MEMBERS = {"n": of("integer"), "s": of("string")}


@pytest.mark.parametrize(
    ("style", "text", "value"),
    [
        ("comma", "1,2", [1, 2]),
        ("comma", "1%2C2,x%2Cy", ["1,2", "x,y"]),
        ("space", "1%202", [1, 2]),
        ("space", "1 2", [1, 2]),
        ("pipe", "1|2%7C3", [1, 2, 3]),
        ("comma", "", [""]),
        ("json", "%5B1,2%5D", [1, 2]),
    ],
)
def test_arrays(style, text, value):
    assert taken_apart(text, ItemType(style, of("integer"), {}), True, decoded) == value


@pytest.mark.parametrize(
    ("style", "text", "value"),
    [
        ("comma", "n,1,s,2,x,3", {"n": 1, "s": "2", "x": "3"}),
        ("pairs", "n=1,s=2", {"n": 1, "s": "2"}),
        ("pairs", "n", {"n": ""}),
        ("cookie", " n=1; s=a=b ;; x", {"n": 1, "s": "a=b", "x": ""}),
        ("cookie", "x=1; x=2; n=1", {"x": "2", "n": 1}),
        ("json", '{"n": 1}', {"n": 1}),
    ],
)
def test_objects(style, text, value):
    assert taken_apart(text, ItemType(style, of(), MEMBERS), False, decoded) == value


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("comma", "n,1,s"),
        ("comma", "n,1,n,2"),
        ("pairs", "n=1,n=2"),
        ("cookie", "n=1; n=2"),
        ("json", "{"),
        ("json", '{"a": 1, "a": 2}'),
        ("json", "[" * 40 + "]" * 40),
        ("comma", "n,%ff"),
    ],
)
def test_what_is_none(style, text):
    with pytest.raises(ValueError):
        taken_apart(text, ItemType(style, of(), MEMBERS), False, decoded)


def test_a_text_that_cannot_be_decoded_says_whose_it_is():
    with pytest.raises(StyleError) as caught:
        decoded("%ff", "a")
    assert caught.value.fault.pointer == "/a"
