"""Content-Type: read by its grammar, held against ranges."""

import pytest

from gateway.http.media_type import is_allowed, parse


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Application/JSON", ("application/json", {})),
        ('text/html ; Charset="utf-8";', ("text/html", {"charset": "utf-8"})),
        ('a/b; c="d\\"e;f"; g=h', ("a/b", {"c": 'd"e;f', "g": "h"})),
    ],
)
def test_what_is_one(text, found):
    assert parse(text) == found


@pytest.mark.parametrize(
    "text",
    [
        *("", "json", "a/", "/b", "a/b, c/d", "a/b c/d", "a/b; c", "a/b;c=", "a/b; c = d", 'a/b; c="d', "a/b/c"),
        *("a/b; charset=utf-8; Charset=utf-16", "a/b\x00", "a/b\xa0", "\x0ca/b"),
    ],
)
def test_what_is_none(text):
    assert parse(text) is None


@pytest.mark.parametrize(
    ("media_type", "ranges", "verdict"),
    [
        ("application/json", ("application/json",), True),
        ("application/jsonp", ("application/json",), False),
        ("image/png", ("text/plain", "image/*"), True),
        ("imagex/png", ("image/*",), False),
        ("application/problem+json", ("application/*+json",), True),
        ("application/+json", ("application/*+json",), False),
        ("application/json", ("application/*+json",), False),
        ("text/x+json", ("application/*+json",), False),
    ],
)
def test_ranges(media_type, ranges, verdict):
    assert is_allowed(media_type, ranges) is verdict
