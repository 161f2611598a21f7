"""The path templates of google.api.http."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.route import template
from gateway.handlers.grpc.paths import TemplateError, overlaps, parse


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("/v1/messages/{message_id}", "/v1/messages/123456", {"message_id": "123456"}),
        ("/v1/messages/{message_id}", "/v1/messages/a%2Fb%20c", {"message_id": "a/b c"}),
        ("/v1/messages/{message_id}", "/v1/messages/", None),
        ("/v1/messages/{message_id}", "/v1/messages", None),
        ("/v1/messages/{message_id}", "/v1/messages/1/2", None),
        ("/v1/messages/{message_id=*}", "/v1/messages/1", {"message_id": "1"}),
        ("/v1/{name=messages/*}", "/v1/messages/123456", {"name": "messages/123456"}),
        ("/v1/{name=messages/*}", "/v1/others/123456", None),
        ("/v1/{name=shelves/*/books/*}", "/v1/shelves/1/books/2%2F3", {"name": "shelves/1/books/2%2F3"}),
        ("/v1/{name=shelves/*/books/*}", "/v1/shelves/1/books/a%20b", {"name": "shelves/1/books/a b"}),
        ("/v1/{name=a/**}", "/v1/a/b/c/d", {"name": "a/b/c/d"}),
        ("/v1/{name=a/**}", "/v1/a", {"name": "a"}),
        ("/v1/{name=**}", "/v1/x", {"name": "x"}),
        ("/v1/**", "/v1/x/y", {}),
        ("/v1/*/x", "/v1/a/x", {}),
        ("/v1/orders/{id}:cancel", "/v1/orders/7:cancel", {"id": "7"}),
        ("/v1/orders/{id}:cancel", "/v1/orders/7:stop", None),
        ("/v1/orders/{id}:cancel", "/v1/orders/:cancel", None),
        ("/v1/orders/{id}:cancel", "/v1/orders/7%3Acancel", None),
        ("/v1/{name=a/**}:undo", "/v1/a/b/c:undo", {"name": "a/b/c"}),
        ("/v1/orders:batch", "/v1/orders:batch", {}),
        ("/v1/{a.b.c}/d/{e}", "/v1/1/d/2", {"a.b.c": "1", "e": "2"}),
        ("/v1/a%20b", "/v1/a%20b", {}),
    ],
)
def test_what_matches(text: str, path: str, expected: dict[str, str] | None) -> None:
    assert parse(text).match(path.split("/")[1:]) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no path template"), ("v1/x", "is no path template"), ("/v1//x", "is no path template"),
        ("/v1/{a", "is no path template"), ("/v1/{a}b", "is no path template"), ("/v1/x/", "is no path template"),
        ("/v1/{}", "without the path of a field"), ("/v1/{a b}", "without the path of a field"),
        ("/v1/{a=x/{b}}", "is no path template"), ("/v1/a*", "neither *, ** nor a literal"),
        ("/v1/**/x", "has ** before its end"), ("/v1/{a=**}/x", "has ** before its end"),
        ("/v1/{a}/{a}", "has a field twice"),
    ],
)  # fmt: skip
def test_what_is_no_template(text: str, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(text)
    assert words in str(caught.value)


SEGMENT = st.text("abc-_.~%2F", min_size=1, max_size=5).filter(lambda text: "%" not in text)


@given(st.lists(SEGMENT, min_size=1, max_size=5), st.text(min_size=1, max_size=8))
def test_a_segment_comes_back_as_it_was(literals: list[str], value: str) -> None:
    from urllib.parse import quote

    made = parse("/" + "/".join(literals) + "/{x}")
    raw = [*map(quote, literals), quote(value, safe="")]
    assert made.match(raw) == {"x": value}


@pytest.mark.parametrize(
    ("route", "text", "expected"),
    [
        ("/v1/orders/{rest:path}", "/v1/orders/{id}", True),
        ("/v1/orders/{rest:path}", "/v1/orders/{id}:cancel", True),
        ("/v1/orders/{rest:path}", "/v1/items/{id}", False),
        ("/v1/orders/{rest:path}", "/v1/{name=orders/*}", True),
        ("/v1/orders/{id}", "/v1/orders/{id}", True),
        ("/v1/orders/{id:int}", "/v1/orders/{id}/x", False),
        ("/v1/orders/{id}/x", "/v1/orders/{id}", False),
        ("/v1/orders", "/v1/**", True),
        ("/v1/orders", "/v1/orders:batch", False),
        ("/v1/orders:batch", "/v1/orders:batch", True),
        ("/v1/orders:batch", "/v1/*:batch", True),
        ("/v1/orders:other", "/v1/*:batch", False),
    ],
)
def test_which_routes_can_reach_which_templates(route: str, text: str, expected: bool) -> None:
    assert overlaps(template(route), parse(text)) is expected
