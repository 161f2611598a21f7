"""Paths into JSON."""

import pytest

from gateway.policies.transform.json_path import LONGEST, PathError, parse


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", ("a",)),
        ("user.first-name", ("user", "first-name")),
        ("items[0].price", ("items", 0, "price")),
        ("items[*][-1]", ("items", None, -1)),
        ("*.b", (None, "b")),
        ("[*].a", (None, "a")),
        ('"a.b [x]"."\\u00e9"', ("a.b [x]", "é")),
        ('""', ("",)),
        ("é", ("é",)),
    ],
)
def test_paths(text, steps):
    assert parse(text) == steps


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "character 1"),
        (".a", "character 1"),
        ("a.", "character 3"),
        ("a..b", "character 3"),
        ("a b", "a dot or [ should stand at character 2"),
        ("a[x]", "character 2"),
        ("a[1", "character 2"),
        ('a."b', "character 3"),
        ('"\\x"', "no JSON string"),
        ("a*b", "character 2"),
        ("a" * (LONGEST + 1), "at most 500"),
    ],
)
def test_what_is_none(text, words):
    with pytest.raises(PathError) as caught:
        parse(text)
    assert words in str(caught.value)
