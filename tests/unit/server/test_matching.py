"""Which route a preflight belongs to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway._fast.route import RouteSpec, build
from gateway.contracts import Plan
from gateway.exchange import Exchange
from gateway.routing import ingress
from gateway.routing.matching import matched_method
from tests.exchanges import route, step

CORS = (step("log"), step("cors"))
ROUTES = (
    RouteSpec(route("read", CORS), "/items/{id}", methods=("GET",)),
    RouteSpec(route("write"), "/items/{id}", methods=("PUT",)),
    RouteSpec(route("ask", CORS), "/items/{id}", methods=("OPTIONS", "PATCH")),
    RouteSpec(route("other"), "/items/{id}", hosts=("other.test",)),
    RouteSpec(route("rest", CORS), "/files/{rest:path}", methods=("PUT",)),
    RouteSpec(route("deep", CORS), "/files/a/{name}", methods=("GET",)),
    RouteSpec(route("any"), "/any", headers=(("X-Plain", "1"),)),
    RouteSpec(route("beta", CORS), "/any", methods=("GET",), headers=(("X-Beta", "1"),)),
    RouteSpec(route("all", CORS), "/any", methods=("GET",)),
    RouteSpec(route("own"), "/own"),
)
PLAN = Plan(
    version="1",
    table=build(ROUTES),
    routes=(),
    unmatched=route("unmatched"),
    refused=route("refused"),
    trusted=(),
    max_body=10,
    pool_keys=frozenset(),
)


def asked(target: str, announced: str | None, method: str = "OPTIONS", plan: Plan = PLAN, **known: str) -> Exchange:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "RAW_URI": target,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "shop.test",
        "HTTP_ORIGIN": "https://app.test",
        "wsgi.url_scheme": "http",
        "gateway.headers": [],
    }
    if announced is not None:
        environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"] = announced
    return ingress.decide(plan, environ | known, 100.0)


@pytest.mark.parametrize(
    ("target", "announced", "name", "method"),
    [
        ("/items/7", "GET", "read", "GET"),
        ("/items/7", "PATCH", "ask", "PATCH"),
        # The route of the announced request has no CORS: its OPTIONS is the upstream's to answer.
        ("/items/7", "PUT", "ask", "OPTIONS"),
        ("/own", "PUT", "own", "OPTIONS"),
        # There is no route for the announced request.
        ("/items/7", "DELETE", "ask", "OPTIONS"),
        ("/files/x", "DELETE", "unmatched", "OPTIONS"),
        ("/nowhere", "GET", "unmatched", "OPTIONS"),
        ("/items/7", "nonsense()", "ask", "OPTIONS"),
        ("/files/x", "TRACE", "unmatched", "OPTIONS"),
        ("/files/x/y", "PUT", "rest", "PUT"),
        ("/any", "GET", "all", "GET"),
        ("*", "GET", "unmatched", "OPTIONS"),
    ],
)
def test_by_the_method_that_is_announced(target: str, announced: str, name: str, method: str) -> None:
    exchange = asked(target, announced)
    assert exchange.route.name == name
    assert exchange.method == "OPTIONS", "what was asked stays as it came"
    assert matched_method(exchange) == method


def test_parameters_are_those_of_the_route_that_was_found() -> None:
    assert asked("/items/7", "GET").params == {"id": "7"}
    assert asked("/files/x/y", "PUT").params == {"rest": "x/y"}
    assert asked("/files/a%2Fb", "PUT").params == {"rest": "a%2Fb"}


def test_the_host_counts_as_ever() -> None:
    assert asked("/items/7", "GET", HTTP_HOST="other.test").route.name == "other"


@pytest.mark.parametrize("announced", ["GET", "PUT"])
def test_a_path_that_leads_to_two_places_is_refused_by_either_method(announced: str) -> None:
    """/files/a/b goes to `deep` with GET and /files/a%2Fb nowhere; with PUT both go to `rest`."""
    expected = {"GET": "refused", "PUT": "rest"}[announced]
    assert asked("/files/a%2Fb", announced).route.name == expected


@pytest.mark.parametrize(
    ("method", "announced", "known", "name"),
    [
        ("OPTIONS", None, {}, "ask"),
        ("PUT", "GET", {}, "write"),
        ("HEAD", "GET", {}, "unmatched"),
    ],
)
def test_what_is_no_preflight(method: str, announced: str | None, known: dict[str, str], name: str) -> None:
    exchange = asked("/items/7", announced, method, **known)
    assert exchange.route.name == name
    assert matched_method(exchange) == method


def test_without_an_origin_it_is_none_either() -> None:
    exchange = ingress.offline(PLAN, "OPTIONS", "/items/7", [("Access-Control-Request-Method", "GET")])
    assert exchange.route.name == "ask"


def test_offline_is_the_same() -> None:
    headers = [("Origin", "https://app.test"), ("Access-Control-Request-Method", "GET")]
    assert ingress.offline(PLAN, "OPTIONS", "/items/7", headers).route.name == "read"


def test_the_cors_of_what_matches_nothing_answers_for_the_rest() -> None:
    plan = replace(PLAN, unmatched=route("unmatched", CORS))
    exchange = asked("/nowhere", "GET", plan=plan)
    assert (exchange.route.name, exchange.state, matched_method(exchange)) == ("unmatched", {"allow": ()}, "OPTIONS")
