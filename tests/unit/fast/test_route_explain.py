"""What explain says about the routes that did not win."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.route import RouteSpec, Verdict, build
from tests.oracles import route_oracle
from tests.oracles.route_cases import Request, requests, route_sets

ROUTES = [
    RouteSpec("item", "/v1/items/{id:int}", ("GET",), ("api.example.com",), (("X-Beta", "1"),), (("v", "2"),)),
    RouteSpec("item-any", "/v1/items/{id}", ("GET", "HEAD")),
    RouteSpec("items", "/v1/items", ("POST",)),
    RouteSpec("orders", "/v1/orders/{id:uuid}/lines"),
    RouteSpec("files", "/files/{rest:path}"),
    RouteSpec("far", "/x/y/z"),
]


def explain(
    method: str,
    path: str,
    host: str = "api.example.com",
    query: str = "v=2",
    routes: list[RouteSpec] = ROUTES,
    **environ: str,
) -> dict[object, tuple[str, str]]:
    verdicts = build(routes).explain(host, method, path, environ, query)
    return {verdict.payload: verdict[1:] for verdict in verdicts}


@pytest.mark.parametrize(
    ("asked", "name", "verdict"),
    [
        ({"HTTP_X_BETA": "2"}, "item", ("header", "X-Beta is '2', wants '1'")),
        ({}, "item", ("header", "X-Beta is not there, wants '1'")),
        ({"HTTP_X_BETA": "1", "query": "v=1&v=3"}, "item", ("query", "v is '1' and '3', wants '2'")),
        ({"HTTP_X_BETA": "1", "host": "x.com"}, "item", ("host", "'x.com' is not api.example.com")),
        ({"HTTP_X_BETA": "1", "method": "PUT"}, "item", ("method", "PUT is not GET")),
        ({"HTTP_X_BETA": "1", "path": "/v1/items/abc"}, "item", ("path", "segment 'abc' is not an int")),
        ({"HTTP_X_BETA": "1"}, "item-any", ("less specific", "host any is less specific than api.example.com")),
        ({}, "items", ("path", "the path goes on with '/7'")),
        ({"path": "/v1/order/7/lines"}, "orders", ("path", "segment 'order' is not 'orders'")),
        ({"path": "/v1/orders"}, "orders", ("path", "the path ends before a uuid")),
        ({"path": "/v1/items/"}, "item-any", ("path", "segment '' is not a non-empty segment")),
        ({"path": "/files"}, "files", ("path", "the path ends before a '/' and a rest")),
    ],
)
def test_the_first_failure_in_words(asked: dict[str, str], name: str, verdict: tuple[str, str]) -> None:
    assert explain(**{"method": "GET", "path": "/v1/items/7", **asked})[name] == verdict


def test_a_route_far_from_the_request_is_not_shown() -> None:
    assert "far" not in explain("GET", "/v1/items/7")
    assert explain("GET", "/q/y/z")["far"] == ("path", "segment 'q' is not 'x'")


def test_the_closest_come_first_and_ten_at_most() -> None:
    routes = [RouteSpec(n, f"/a/{{n}}/{n:02}", headers=(("X-A", "1"),)) for n in range(30)]
    verdicts = build([*routes, RouteSpec("near", "/a/b/{n:int}")]).explain("", "GET", "/a/b/07", {}, "")
    assert [verdict.payload for verdict in verdicts][:2] == [7, 0]
    assert len(verdicts) == 10


LOSERS = [
    ({"path": "/{n}"}, ("less specific", "a non-empty segment is less specific than an int")),
    ({"path": "/{rest:path}"}, ("less specific", "a rest is less specific than an int")),
    ({"methods": ()}, ("less specific", "any method is less specific than a listed one")),
    ({"headers": ()}, ("less specific", "0 conditions are fewer than 1")),
    ({"headers": (("X-A", "*"),)}, ("less specific", "a condition on presence is less specific than one on a value")),
    ({"priority": 2}, ("priority", "priority 2 is below 3")),
    ({}, ("priority", "equal in rank and priority")),
    ({"hosts": ("*.com",)}, ("less specific", "host *.com is less specific than x.com")),
]


@pytest.mark.parametrize(("other", "verdict"), LOSERS)
def test_what_the_winner_has_over_a_route_that_takes_the_request_too(other: dict[str, object], verdict: object) -> None:
    winner = RouteSpec("winner", "/{n:int}", ("GET",), ("x.com",), (("X-A", "1"),), priority=3)
    loser = winner._replace(payload="loser", **other)
    found = explain("GET", "/7", host="x.com", routes=[winner, loser], HTTP_X_A="1")
    assert found == {"loser": verdict}


def test_a_method_that_no_route_takes() -> None:
    assert explain("TRACE", "/files/a")["files"] == ("method", "TRACE is not routed")


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[RouteSpec], Request]:
    routes = draw(route_sets(8))
    return routes, draw(requests(routes))


@given(cases())
def test_explain_agrees_with_the_oracle(case: tuple[list[RouteSpec], Request]) -> None:
    routes, request = case
    table = build(routes)
    verdicts = table.explain(*request)
    assert table.match(*request)[0] not in [verdict.payload for verdict in verdicts]
    assert len({verdict.payload for verdict in verdicts}) == len(verdicts)
    for verdict in verdicts:
        assert_true_of(routes[verdict.payload], request, verdict)


def assert_true_of(spec: RouteSpec, request: Request, verdict: Verdict) -> None:
    host, method, path, environ, query = request
    checks = {
        "host": route_oracle.host_rank(spec, host) is not None,
        "path": route_oracle.path_fits(spec.path, path),
        "method": route_oracle.method_fits(spec, method),
        "header": route_oracle.conditions_fit(spec._replace(query=()), environ, query),
        "query": route_oracle.conditions_fit(spec, environ, query),
    }
    failed = [aspect for aspect, holds in checks.items() if not holds]
    assert failed[:1] == ([] if verdict.aspect in ("less specific", "priority") else [verdict.aspect])


def test_all_routes_of_a_wide_table_are_found_near() -> None:
    routes = [RouteSpec(n, f"/v{n}/items", hosts=(f"h{n}.example.com",)) for n in range(2000)]
    verdicts = build(routes).explain("h7.example.com", "GET", "/v7/item", {}, "")
    assert verdicts[0] == (7, "path", "segment 'item' is not 'items'")
