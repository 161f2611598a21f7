"""cors: what a preflight is told, what an answer says, and which origins are meant by what is written."""

from __future__ import annotations

import json
import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import pipeline
from gateway.contracts import RoutePlan, Step, Tools
from gateway.errors import FORBIDDEN, GatewayError
from gateway.exchange import Exchange, Headers, Response
from gateway.policies.cors import policy as cors
from gateway.policies.cors.options import Cors
from tests.exchanges import exchange

TOOLS = Tools("item", lambda: 0.0, print)
PAGE = "https://app.example.com"
ELSEWHERE = "https://elsewhere.test"
VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def spec(*origins: str, **known: Any) -> Cors:
    lists: dict[str, Any] = {"methods": (), "headers": (), "expose": ()}
    others = {"allows_credentials": False, "allows_private_network": False, "max_age": 600.0}
    return Cors(name="web", origins=origins or (PAGE,), where="f:1", **(lists | others | known))


def nothing(exchange: Exchange) -> Response:
    pytest.fail("the upstream was asked")


def route(rules: Cors, methods: tuple[str, ...] = (), fetch: Any = None) -> RoutePlan:
    step = Step("cors", "f:1", cors.compile(rules, methods, TOOLS))
    return RoutePlan(
        "item", "f:1", (step,), fetch or (lambda exchange: pytest.fail("the upstream was asked")), 60.0, ""
    )


def ask(plan: RoutePlan, origin: str | None = PAGE, method: str = "GET", **environ: str) -> Response:
    known = {f"HTTP_{name}": value for name, value in environ.items()}
    asked = exchange(method, "/items/7", route=plan)
    asked.environ = known | ({"HTTP_ORIGIN": origin} if origin is not None else {})
    return pipeline.run(asked, plan)


def preflight(plan: RoutePlan, asked: str = "PUT", origin: str = PAGE, **environ: str) -> Response:
    environ = {f"ACCESS_CONTROL_REQUEST_{name}": value for name, value in environ.items()}
    return ask(plan, origin, "OPTIONS", ACCESS_CONTROL_REQUEST_METHOD=asked, **environ)


def answers(headers: Headers) -> Any:
    return lambda exchange: Response(200, list(headers), b"seven")


def refused(response: Response) -> str:
    """Why a preflight was refused: without any field that would allow a part of it."""
    assert response.status == 403
    assert [name for name, _ in response.headers if name.lower().startswith("access-control-")] == []
    assert ("Vary", VARY) in response.headers
    problem = json.loads(response.body)
    assert problem["type"] == "urn:gateway:error:cors-refused"
    return str(problem["detail"])


# Preflights


def test_a_preflight_is_answered_without_the_upstream() -> None:
    response = preflight(route(spec()), HEADERS="x-one, X-Two")
    assert (response.status, response.body) == (204, b"")
    assert response.headers == [
        ("Access-Control-Allow-Origin", PAGE),
        ("Access-Control-Allow-Methods", "PUT"),
        ("Access-Control-Allow-Headers", "x-one, X-Two"),
        ("Access-Control-Max-Age", "600"),
        ("Vary", VARY),
    ]


def test_with_everything_written() -> None:
    rules = spec(
        methods=("GET", "PUT"),
        headers=("Authorization", "Content-Type"),
        expose=("X-Request-ID",),
        allows_credentials=True,
        allows_private_network=True,
        max_age=60.5,
    )
    response = preflight(route(rules), HEADERS="content-type", PRIVATE_NETWORK="true")
    assert response.headers == [
        ("Access-Control-Allow-Origin", PAGE),
        ("Access-Control-Allow-Methods", "GET, PUT"),
        ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
        ("Access-Control-Allow-Private-Network", "true"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Max-Age", "60"),
        ("Vary", f"{VARY}, Access-Control-Request-Private-Network"),
    ]


def test_methods_that_are_not_written_are_those_of_the_route() -> None:
    plan = route(spec(), ("GET", "DELETE"))
    assert ("Access-Control-Allow-Methods", "GET, DELETE") in preflight(plan, "DELETE").headers
    assert "method" in refused(preflight(plan, "PUT"))


def test_a_method_that_browsers_send_unnamed_is_refused_as_a_whole() -> None:
    """The Fetch standard lets a POST pass that Allow-Methods does not name."""
    assert "method" in refused(preflight(route(spec(methods=("GET",))), "POST"))


@pytest.mark.parametrize("asked", ["", "PU T", "PUT,GET", "PUT\x85", "put", "PATCH"])
def test_a_method_that_is_not_allowed(asked: str) -> None:
    refused(preflight(route(spec(methods=("PUT",))), asked))


@pytest.mark.parametrize("asked", ["", "PU T", "PUT,GET", "PUT\xe9"])
def test_a_method_that_is_none_is_not_sent_back(asked: str) -> None:
    refused(preflight(route(spec()), asked))


@pytest.mark.parametrize(
    ("written", "asked", "allowed"),
    [
        ((), "", None),
        ((), " , ,", None),
        ((), "x-a", "x-a"),
        ((), "x-a,\tx-b ,", "x-a, x-b"),
        (("X-A", "X-B"), "", "X-A, X-B"),
        (("X-A", "X-B"), "x-b", "X-A, X-B"),
        (("X-A", "X-B"), "X-B,x-a", "X-A, X-B"),
    ],
)
def test_headers(written: tuple[str, ...], asked: str, allowed: str | None) -> None:
    response = preflight(route(spec(headers=written)), HEADERS=asked)
    assert response.status == 204
    assert dict(response.headers).get("Access-Control-Allow-Headers") == allowed


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        (("X-A",), "x-b"),
        (("X-A",), "x-a, x-b"),
        (("X-A",), "x-a x-a"),
        ((), "x a"),
        ((), "x-a\xe9"),
        ((), 'x-a, "'),
        ((), ",".join(["x-a"] * 102)),
    ],
)
def test_headers_that_are_not_allowed(written: tuple[str, ...], asked: str) -> None:
    assert "header" in refused(preflight(route(spec(headers=written)), HEADERS=asked))


def test_an_origin_that_is_not_allowed() -> None:
    assert "origin" in refused(preflight(route(spec()), origin=ELSEWHERE))


@pytest.mark.parametrize(("allows", "asked"), [(False, "true"), (True, "false"), (True, "")])
def test_a_private_network_is_opened_only_where_it_is_asked_for_and_allowed(allows: bool, asked: str) -> None:
    response = preflight(route(spec(allows_private_network=allows)), PRIVATE_NETWORK=asked)
    assert response.status == 204
    assert "Access-Control-Allow-Private-Network" not in dict(response.headers)


def test_any_origin() -> None:
    assert preflight(route(spec("*")), origin=ELSEWHERE).headers[0] == ("Access-Control-Allow-Origin", "*")


@pytest.mark.parametrize(
    ("method", "environ"),
    [
        ("OPTIONS", {"HTTP_ORIGIN": PAGE}),
        ("OPTIONS", {"HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}),
        ("PUT", {"HTTP_ORIGIN": PAGE, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}),
    ],
)
def test_what_is_no_preflight_goes_on(method: str, environ: dict[str, str]) -> None:
    plan = route(spec(), fetch=answers([("Allow", "GET")]))
    asked = exchange(method, route=plan)
    asked.environ = dict(environ)
    assert pipeline.run(asked, plan).body == b"seven"


# Answers


def test_an_answer_to_a_page() -> None:
    plan = route(spec(allows_credentials=True, expose=("X-One", "X-Two")), fetch=answers([("Server", "x")]))
    assert ask(plan).headers == [
        ("Server", "x"),
        ("Access-Control-Allow-Origin", PAGE),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "X-One, X-Two"),
        ("Vary", "Origin"),
    ]


@pytest.mark.parametrize("origin", [None, ELSEWHERE, "null", ""])
def test_others_get_their_answer_and_nothing_to_read_it_with(origin: str | None) -> None:
    """A cache must know nevertheless that the answer depends on the origin."""
    plan = route(spec(allows_credentials=True, expose=("X-One",)), fetch=answers([("Vary", "Accept")]))
    response = ask(plan, origin)
    assert (response.status, response.body) == (200, b"seven")
    assert response.headers == [("Vary", "Accept"), ("Vary", "Origin")]


@pytest.mark.parametrize("origin", [None, ELSEWHERE, "null"])
def test_any_origin_is_told_to_all_so_that_caches_may_keep_it(origin: str | None) -> None:
    plan = route(spec("*", expose=("X-One",)), fetch=answers([]))
    assert ask(plan, origin).headers == [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", "X-One"),
    ]


@pytest.mark.parametrize("origin", [PAGE, ELSEWHERE, None])
def test_what_the_upstream_says_of_it_is_replaced(origin: str | None) -> None:
    theirs = [("access-control-allow-ORIGIN", "*"), *((name.title(), "x") for name in sorted(cors.OURS))]
    response = ask(route(spec(), fetch=answers([*theirs, ("X-A", "1")])), origin)
    ours = [("Access-Control-Allow-Origin", PAGE)] if origin == PAGE else []
    assert response.headers == [("X-A", "1"), *ours, ("Vary", "Origin")]


def test_an_error_can_be_read_by_the_page_too() -> None:
    def fetch(exchange: Exchange) -> Response:
        raise GatewayError(FORBIDDEN)

    response = ask(route(spec(), fetch=fetch))
    assert response.status == 403
    assert dict(response.headers)["Access-Control-Allow-Origin"] == PAGE


# Origins


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        (PAGE, PAGE),
        ("HTTPS://App.Example.COM", PAGE),
        ("https://app.example.com:443", PAGE),
        ("http://app.example.com:80", "http://app.example.com"),
        (PAGE, "https://APP.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("chrome-extension://abcdefgh", "chrome-extension://abcdefgh"),
        ("https://*.example.com", PAGE),
        ("https://*.Example.com", "https://a.b.c.example.com"),
        ("https://*.example.com:443", PAGE),
        ("https://*.example.com:8443", "https://app.example.com:8443"),
        (r"re:https://app-[0-9]+\.example\.com", "https://app-12.example.com"),
        ("re:https?://(a|b)[.]test(:[0-9]+)?", "http://b.test:81"),
        ("null", "null"),
    ],
)
def test_an_origin_that_is_meant(written: str, origin: str) -> None:
    assert cors.is_allowed(origin, (ELSEWHERE, written))
    cors.compile(spec(written), (), TOOLS)


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        (PAGE, "http://app.example.com"),
        (PAGE, "https://app.example.com:8443"),
        (PAGE, "https://app.example.com.evil.test"),
        (PAGE, "https://appXexample.com"),
        (PAGE, "https://app.example.com/"),
        (PAGE, "https://app.example.com, https://evil.test"),
        (PAGE, "null"),
        (PAGE, ""),
        ("https://app.example.com:8443", PAGE),
        ("https://*.example.com", "https://example.com"),
        ("https://*.example.com", "https://.example.com"),
        ("https://*.example.com", "https://a..example.com"),
        ("https://*.example.com", "https://evilexample.com"),
        ("https://*.example.com", "https://x.example.com.evil.com"),
        ("https://*.example.com", "https://evil.test/.example.com"),
        ("https://*.example.com", "https://evil.test#.example.com"),
        ("https://*.example.com", "https://evil.test?.example.com"),
        ("https://*.example.com", "https://evil.test:80.example.com"),
        ("https://*.example.com", "https://user@.example.com"),
        ("https://*.example.com", "http://x.example.com"),
        ("https://*.example.com", "https://x.example.com:8443"),
        ("https://*.example.com", "https://x.exampleXcom"),
        ("re:https://app", PAGE),
        ("re:.*example.com", "https://evil.test/?example.com"),
        ("re:.*", "null"),
        ("re:.*", "https://a.test https://b.test"),
        ("re:.*", "https://a.test\n"),
        ("re:.*", ""),
        ("re:.*", "https://" + "a" * 300),
        ("null", PAGE),
    ],
)
def test_an_origin_that_is_not(written: str, origin: str) -> None:
    assert not cors.is_allowed(origin, (ELSEWHERE, written))
    cors.compile(spec(written), (), TOOLS)


LABELS = st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=8)


@given(st.lists(LABELS, max_size=4), st.sampled_from(["https", "http"]), st.sampled_from(["", ":8443"]))
def test_a_wildcard_against_what_it_says(labels: list[str], scheme: str, port: str) -> None:
    host = ".".join([*labels, "example", "com"])
    meant = bool(labels) and scheme == "https" and not port
    assert cors.is_allowed(f"{scheme}://{host}{port}", ("https://*.example.com",)) is meant


@given(st.text(string.printable, max_size=40))
def test_whatever_is_sent_only_an_origin_is_sent_back(text: str) -> None:
    response = ask(route(spec("re:.*"), fetch=answers([])), text)
    back = dict(response.headers).get("Access-Control-Allow-Origin")
    assert back is None or (back == text and re.fullmatch(r"[^\s,/]+://[^\s,/]+", back))


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"origins": ("app.example.com",)}, "scheme://host"),
        ({"origins": ("https://app.example.com/",)}, "without a path"),
        ({"origins": ("https://app.example.com/x",)}, "without a path"),
        ({"origins": ("https://app.*.com",)}, "no origin"),
        ({"origins": ("https://*",)}, "no origin"),
        ({"origins": ("*.example.com",)}, "no origin"),
        ({"origins": ("re:(",)}, "regular expression"),
        ({"origins": ("*",), "allows_credentials": True}, "any site"),
        ({"origins": (PAGE, "null"), "allows_credentials": True}, "any site"),
        ({"methods": ("*",)}, "leave"),
        ({"headers": ("*",)}, "leave"),
    ],
)
def test_what_cannot_be_meant(known: dict[str, Any], words: str) -> None:
    origins = known.pop("origins", (PAGE,))
    with pytest.raises(ValueError, match=words):
        cors.compile(spec(*origins, **known), (), TOOLS)
