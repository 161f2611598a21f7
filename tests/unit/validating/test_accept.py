"""Accept beside what there is to answer with."""

import pytest

from gateway.http.accept import accepts

JSON = ("application/json",)


@pytest.mark.parametrize(
    ("accept", "offers", "taken"),
    [
        (None, JSON, True),
        ("*/*", JSON, True),
        ("", JSON, True),
        (" , ;q=0", JSON, True),
        ("application/json", JSON, True),
        ("APPLICATION/JSON;charset=utf-8", JSON, True),
        ("application/*", JSON, True),
        ("text/html, */*;q=0.1", JSON, True),
        ("text/html", JSON, False),
        ("text/html, application/xml;q=0.9", JSON, False),
        ("application/json;q=0", JSON, False),
        ("application/json;q=0, */*", JSON, False),
        ("application/*;q=0, */*", JSON, False),
        ("*/*;q=0, application/json;q=0.001", JSON, True),
        ("application/json; q=1.5", JSON, False),
        ("application/json; q=x", JSON, False),
        ("*/json", JSON, True),  # which is nothing
        ("*/json, text/html", JSON, False),
        ("text/html", (*JSON, "text/html"), True),
        ("image/png", ("image/*",), True),
        ("image/*", ("image/*",), True),
        ("image/png;q=0, image/*;q=0.5", ("image/*",), True),
        ("text/html", ("image/*",), False),
        ("application/problem+json", ("application/*+json",), True),
        ("application/json", ("application/*+json",), False),
        ("application/*", ("application/*+json",), True),
    ],
)
def test_what_is_taken(accept, offers, taken):
    assert accepts(accept, offers) is taken
