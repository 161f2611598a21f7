"""A credential that the upstream is not to have goes no further, whatever place it stood in."""

from __future__ import annotations

import pytest

from gateway.auth.model import Credential
from gateway.auth.strip_credentials import strip_credentials
from tests.exchanges import exchange

HEADERS = [("X-API-Key", "secret"), ("Cookie", "a=1; key=secret; b=2"), ("Accept", "*/*"), ("cookie", "key=secret")]


def hidden(*places: str, target: str = "/items?a=1"):
    asked = exchange(target=target, headers=list(HEADERS))
    hide = strip_credentials(Credential(*place.split(":")) for place in places)
    assert hide is not None
    hide(asked)
    assert asked.headers == HEADERS and asked.target == target, "the request stays as it came"
    return asked


def test_nothing_to_hide() -> None:
    assert strip_credentials(()) is None


def test_a_header() -> None:
    assert hidden("header:x-api-key").outgoing == HEADERS[1:]


def test_a_cookie_among_others_and_alone() -> None:
    assert hidden("cookie:key").outgoing == [HEADERS[0], ("Cookie", "a=1; b=2"), HEADERS[2]]


@pytest.mark.parametrize(
    ("target", "sent"),
    [
        ("/items?key=secret", "/items"),
        ("/items?a=1&key=secret&b=%20", "/items?a=1&b=%20"),
        ("/items?%6bey=secret&a=1", "/items?a=1"),
        ("/items?a=1", None),
        ("/items", None),
    ],
)
def test_a_parameter(target: str, sent: str | None) -> None:
    asked = hidden("query:key", target=target)
    assert asked.upstream_path == sent
    assert "secret" not in asked.query, "rewrite and templates see none either"


def test_all_places_at_once() -> None:
    asked = hidden("header:X-API-Key", "query:key", "cookie:key", target="/?key=secret")
    assert "secret" not in f"{asked.outgoing}{asked.upstream_path}{asked.query}"
