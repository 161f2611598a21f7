"""From an environ to an Exchange: who asked, what for, and which route that is."""

from __future__ import annotations

import io
import ipaddress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.route import RouteSpec, build
from gateway.contracts import Plan
from gateway.errors import BODY_TOO_LARGE, GatewayError
from gateway.exchange import Exchange
from gateway.routing import ingress
from tests.exchanges import route

TRUSTED = tuple(ipaddress.ip_network(text) for text in ("10.0.0.0/8", "2001:db8:1::/48"))
ROUTES = {
    "item": RouteSpec(route("item"), "/items/{id}"),
    "below": RouteSpec(route("below"), "/items/{id}/b"),
    "files": RouteSpec(route("files"), "/files/{rest:path}"),
    "host": RouteSpec(route("host"), "/items/{id}", hosts=("api.example",)),
    "post": RouteSpec(route("post"), "/orders", methods=("POST",)),
}
PLAN = Plan(
    version="1",
    table=build(ROUTES.values()),
    routes=(),
    unmatched=replace(route("unmatched"), total=5.0),
    refused=route("refused"),
    trusted=TRUSTED,
    max_body=10,
    pool_keys=frozenset(),
)


def decided(target: str = "/items/7", peer: str = "192.0.2.1", **known: Any) -> Exchange:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": target,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": peer,
        "HTTP_HOST": "shop.example:8000",
        "wsgi.url_scheme": "http",
        "wsgi.input": "the body",
        "gateway.headers": [],
    }
    return ingress.decide(PLAN, environ | known, 100.0)


def test_what_is_known_of_a_plain_request() -> None:
    exchange = decided("/items/7?a=b&c")
    assert (exchange.method, exchange.target, exchange.path, exchange.query) == (
        "GET",
        "/items/7?a=b&c",
        "/items/7",
        "a=b&c",
    )
    assert (exchange.host, exchange.authority, exchange.scheme, exchange.version) == (
        "shop.example",
        "shop.example:8000",
        "http",
        "1.1",
    )
    assert (exchange.peer, exchange.client, exchange.trusted) == ("192.0.2.1", "192.0.2.1", False)
    assert (exchange.route.name, exchange.params) == ("item", {"id": "7"})
    assert exchange.deadline == 160.0
    assert (exchange.body, exchange.body_length) == (None, 0)
    assert len(exchange.request_id) == 32 and exchange.plan is PLAN


@pytest.mark.parametrize(
    ("target", "method", "found"),
    [
        ("/items/7", "GET", "item"),
        ("/items/7/b", "GET", "below"),
        ("//items/./7", "GET", "item"),
        ("/orders", "POST", "post"),
        ("/orders", "GET", "unmatched"),
        ("/nowhere", "GET", "unmatched"),
        ("*", "OPTIONS", "unmatched"),
        ("/items/7%2Fb", "GET", "refused"),
        ("/items/%zz", "GET", "refused"),
        ("/../items/7", "GET", "refused"),
        ("/files/a%2Fb", "GET", "files"),
    ],
)
def test_the_route(target: str, method: str, found: str) -> None:
    assert decided(target, REQUEST_METHOD=method).route.name == found


def test_what_matches_nothing_knows_what_would() -> None:
    assert decided("/orders").state == {"allow": ("POST",)}
    assert decided("/nowhere").state == {"allow": ()}
    assert decided("/nowhere").deadline == 105.0


def test_a_refusal_says_why() -> None:
    state = decided("/items/7%2Fb").state
    assert state is not None and state["refusal"].kind.slug == "ambiguous-path"
    state = decided("/", **{"gateway.refusal": ("headers-too-large", "too many")}).state
    assert state is not None and (state["refusal"].kind.status, state["refusal"].detail) == (431, "too many")


def test_parameters_keep_an_encoded_slash_as_it_came() -> None:
    """docs/decisions/0002: they are those of the second reading."""
    assert decided("/files/a%2Fb/c").params == {"rest": "a%2Fb/c"}
    assert decided("/files/a%2fb").params == {"rest": "a%2fb"}
    assert decided("/items/caf%C3%A9").params == {"id": "caf%C3%A9"}


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("A.Example", "a.example"),
        ("a.example:80", "a.example"),
        ("a.example.", "a.example"),
        ("[::1]:80", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("", ""),
    ],
)
def test_the_host_that_is_matched(authority: str, host: str) -> None:
    assert ingress.host_of(authority) == host


@pytest.mark.parametrize(
    ("address", "is_trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("11.1.2.3", False),
        ("2001:db8:1::5", True),
        ("2001:db8:2::5", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_who_is_trusted(address: str, is_trusted: bool) -> None:
    assert ingress.is_trusted(address, TRUSTED) is is_trusted


FORWARDED = {
    "HTTP_X_FORWARDED_FOR": "192.0.2.7, 10.0.0.5",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_REQUEST_ID": "theirs",
}


def test_an_untrusted_peer_says_nothing() -> None:
    exchange = decided(**FORWARDED)
    assert (exchange.client, exchange.scheme, exchange.trusted) == ("192.0.2.1", "http", False)
    assert exchange.request_id != "theirs"


def test_a_trusted_one_does() -> None:
    exchange = decided(peer="10.0.0.9", **FORWARDED)
    assert (exchange.peer, exchange.client, exchange.scheme) == ("10.0.0.9", "192.0.2.7", "https")
    assert (exchange.trusted, exchange.request_id) == (True, "theirs")


@pytest.mark.parametrize(
    ("forwarded", "client", "scheme"),
    [
        ("for=192.0.2.7;proto=https", "192.0.2.7", "https"),
        ('FOR="[2001:db8::7]:4711" ; proto=HTTPS', "2001:db8::7", "https"),
        ("for=192.0.2.6, for=192.0.2.7", "192.0.2.7", "http"),
        ("for=192.0.2.6, for=10.0.0.5", "192.0.2.6", "http"),
        ("for=192.0.2.6, for=unknown", "10.0.0.9", "http"),
        ("for=_hidden;proto=gopher", "10.0.0.9", "http"),
        ('for="[::1"', "10.0.0.9", "http"),
        ("", "10.0.0.9", "http"),
    ],
)
def test_forwarded(forwarded: str, client: str, scheme: str) -> None:
    exchange = decided(peer="10.0.0.9", HTTP_FORWARDED=forwarded)
    assert (exchange.client, exchange.scheme) == (client, scheme)


@given(st.text(max_size=60))
def test_whatever_a_trusted_proxy_says_the_client_is_an_address(text: str) -> None:
    exchange = decided(peer="10.0.0.9", HTTP_X_FORWARDED_FOR=text, HTTP_FORWARDED=text, HTTP_X_REQUEST_ID=text)
    assert ipaddress.ip_address(exchange.client)
    assert exchange.request_id.isascii() and " " not in exchange.request_id


def plain(target: str, **known: str) -> Exchange:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "PUT",
        "RAW_URI": target,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "shop.example",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(b"01234567890"),
    }
    return ingress.decide(PLAN, environ | known, 100.0)


def test_under_another_worker() -> None:
    exchange = plain(
        "http://API.example:81/items/7?x",
        HTTP_CONNECTION="close, X-Mine",
        HTTP_X_MINE="1",
        HTTP_X_BETA="2",
        HTTP_TE="trailers",
        HTTP_PROXY_AUTHORIZATION="x",
        CONTENT_TYPE="a/b",
        CONTENT_LENGTH="5",
    )
    assert (exchange.target, exchange.authority, exchange.route.name) == ("/items/7?x", "API.example:81", "host")
    assert sorted(exchange.headers) == [("Content-Type", "a/b"), ("Host", "API.example:81"), ("X-Beta", "2")]
    assert exchange.body is not None and exchange.body_length == 5
    assert exchange.body.read(4) == b"0123"


def test_a_chunked_body_under_another_worker() -> None:
    exchange = plain("/items/7", HTTP_TRANSFER_ENCODING="chunked")
    assert exchange.body is not None and exchange.body_length == -1
    assert exchange.body.read(8) == b"01234567"
    with pytest.raises(GatewayError) as caught:
        exchange.body.read()
    assert caught.value.kind is BODY_TOO_LARGE


@pytest.mark.parametrize(
    ("method", "url", "headers", "found"),
    [
        ("GET", "http://api.example/items/7", [], "host"),
        ("GET", "/items/7", [], "item"),
        ("GET", "http://x", [("Host", "api.example")], "unmatched"),
        ("GET", "http://x/items/7", [("Host", "api.example")], "host"),
        ("G(T", "/items/7", [], "refused"),
        ("GET", "/items/7", [("Content-Length", "x")], "refused"),
        ("GET", "/items/a b", [], "refused"),
    ],
)
def test_offline_is_the_same(method: str, url: str, headers: list[tuple[str, str]], found: str) -> None:
    assert ingress.offline(PLAN, method, url, headers).route.name == found


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("X_REQUEST_TIMEOUT", "1.5", 1.5),
        ("X_REQUEST_TIMEOUT", "2s", 2.0),
        ("X_REQUEST_TIMEOUT", "250ms", 0.25),
        ("X_REQUEST_TIMEOUT", "0.001", 0.001),
        ("GRPC_TIMEOUT", "100m", 0.1),
        ("GRPC_TIMEOUT", "5S", 5.0),
        ("GRPC_TIMEOUT", "20000u", 0.02),
        ("GRPC_TIMEOUT", "99999999n", 0.099999999),
    ],
)
def test_a_caller_may_shorten_the_time(name: str, value: str, left: float) -> None:
    exchange = decided(**{f"HTTP_{name}": value})
    assert (exchange.deadline, exchange.hurried) == (pytest.approx(100.0 + left, abs=1e-9), True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("X_REQUEST_TIMEOUT", value) for value in ("60", "61s", "1e9", "999999999", "60000ms")),
        *(("GRPC_TIMEOUT", value) for value in ("1M", "2H", "60S", "99999999H")),
        *(
            ("X_REQUEST_TIMEOUT", value)
            for value in ("", "0", "0ms", "-1", "1.5, 2", "inf", "nan", "1m", " 1", "1.", "\u0661")
        ),
        *(("GRPC_TIMEOUT", value) for value in ("", "0m", "1", "1h", "123456789m", "1.5S", "-1S", "\u0661S")),
    ],
)
def test_no_caller_lengthens_the_time_or_breaks_it(name: str, value: str) -> None:
    exchange = decided(**{f"HTTP_{name}": value})
    assert (exchange.deadline, exchange.hurried) == (160.0, False)


def test_the_shorter_of_two_deadlines_holds() -> None:
    assert decided(HTTP_X_REQUEST_TIMEOUT="3", HTTP_GRPC_TIMEOUT="2S").deadline == 102.0
    assert decided(HTTP_X_REQUEST_TIMEOUT="2", HTTP_GRPC_TIMEOUT="3S").deadline == 102.0


def test_a_deadline_holds_where_no_route_matches() -> None:
    assert decided("/nothing", HTTP_X_REQUEST_TIMEOUT="6").deadline == 105.0
    assert decided("/nothing", HTTP_X_REQUEST_TIMEOUT="4").deadline == 104.0
