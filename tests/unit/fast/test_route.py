"""The matcher against its oracle, and the contract's rules one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.route import RouteSpec, Table, build
from gateway.config.route_conflicts import route_conflicts
from tests.oracles import route_oracle
from tests.oracles.route_cases import Request, requests, route_sets


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[RouteSpec], list[Request]]:
    routes = draw(route_sets())
    return routes, draw(st.lists(requests(routes), min_size=1, max_size=8))


@given(cases())
def test_match_gives_what_the_oracle_gives(case: tuple[list[RouteSpec], list[Request]]) -> None:
    routes, asked = case
    table = build(routes)
    for request in asked:
        best, allowed = route_oracle.best(routes, *request)
        payload, found = table.match(*request)
        if not best:
            assert (payload, found) == (None, allowed)
        else:
            assert payload in [spec.payload for spec in best]
            assert found == route_oracle.parameters(routes[payload].path, request.path, None)


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_routes_decides_nothing(case: tuple[list[RouteSpec], list[Request]], random) -> None:
    routes, asked = case
    tied = {int(name) for pair in route_conflicts([(str(spec.payload), spec) for spec in routes]) for name in pair[:2]}
    routes = [spec for spec in routes if spec.payload not in tied]
    shuffled = random.sample(routes, len(routes))
    one, other = build(routes), build(shuffled)
    assert one.routes() == other.routes()
    for request in asked:
        assert one.match(*request) == other.match(*request)
        assert one.explain(*request) == other.explain(*request)


def table(*routes: RouteSpec) -> Table:
    return build(routes)


def ask(found: Table, path: str, method: str = "GET", host: str = "", query: str = "", **environ: str) -> object:
    return found.match(host, method, path, environ, query)


def test_a_rest_takes_the_slash_but_not_the_path_before_it() -> None:
    routes = table(RouteSpec("files", "/files/{rest:path}"))
    assert ask(routes, "/files/") == ("files", {"rest": ""})
    assert ask(routes, "/files/a//b/") == ("files", {"rest": "a//b/"})
    assert ask(routes, "/files") == (None, ())
    assert ask(table(RouteSpec("all", "/{rest:path}")), "/") == ("all", {"rest": ""})


def test_a_slash_at_the_end_counts() -> None:
    routes = table(RouteSpec("with", "/a/"), RouteSpec("without", "/a"))
    assert ask(routes, "/a") == ("without", None)
    assert ask(routes, "/a/") == ("with", None)
    assert ask(table(RouteSpec("one", "/a/{n}")), "/a/") == (None, ())


def test_kinds_in_their_order() -> None:
    kinds = ["literal", "uuid", "int", "dt", "float", "", "path"]
    routes = table(
        *(RouteSpec(kind, f"/{{n:{kind}}}") for kind in reversed(kinds[1:]) if kind),
        RouteSpec("", "/{n}"),
        RouteSpec("literal", "/7"),
    )
    assert routes.routes() == kinds
    for value, kind in [
        ("7", "literal"),
        ("8", "int"),
        ("8.5", "float"),
        ("2026-11-24", "dt"),
        ("x", ""),
        ("x/y", "path"),
    ]:
        assert ask(routes, f"/{value}")[0] == kind


def test_the_left_segment_counts_more() -> None:
    routes = table(RouteSpec("left", "/a/{n}/{m}"), RouteSpec("right", "/{n}/b/c"))
    assert ask(routes, "/a/b/c") == ("left", {"n": "b", "m": "c"})


def test_the_search_goes_back_when_a_route_fails_further_on() -> None:
    routes = table(
        RouteSpec("deep", "/a/b/c/d"),
        RouteSpec("method", "/a/b/c", ("POST",)),
        RouteSpec("header", "/a/b/{n}", headers=(("X-Beta", "1"),)),
        RouteSpec("host", "/a/b/c", hosts=("x.com",), query=(("v", "2"),)),
        RouteSpec("last", "/{rest:path}"),
    )
    assert ask(routes, "/a/b/c") == ("last", {"rest": "a/b/c"})
    assert ask(routes, "/a/b/c", HTTP_X_BETA="1")[0] == "header"
    assert ask(routes, "/a/b/c", host="x.com", query="v=2")[0] == "host"
    assert ask(routes, "/a/b/c", method="POST", host="x.com", HTTP_X_BETA="1")[0] == "method"


def test_hosts_from_exact_to_any() -> None:
    routes = table(
        RouteSpec("any", "/"),
        RouteSpec("short", "/", hosts=("*.com",)),
        RouteSpec("long", "/", hosts=("*.X.com",)),
        RouteSpec("exact", "/", hosts=("a.x.com", "[::1]")),
    )
    for host, name in [
        ("a.x.com", "exact"),
        ("[::1]", "exact"),
        ("b.x.com", "long"),
        ("c.b.x.com", "long"),
        ("x.com", "short"),
        ("com", "any"),
        (".com", "any"),
        ("", "any"),
        ("x.org", "any"),
        ("." * 8000 + "com", "short"),
    ]:
        assert ask(routes, "/", host=host)[0] == name, host


def test_405_lists_what_the_same_request_could_use() -> None:
    routes = table(
        RouteSpec("read", "/a", ("GET", "HEAD")),
        RouteSpec("beta", "/a", ("PUT",), headers=(("X-Beta", "1"),)),
        RouteSpec("other host", "/a", ("DELETE",), hosts=("x.com",)),
        RouteSpec("wider", "/{n}", ("POST",)),
    )
    assert ask(routes, "/a", "PATCH") == (None, ("GET", "HEAD", "POST"))
    assert ask(routes, "/a", "PATCH", host="x.com", HTTP_X_BETA="1") == (None, ("DELETE", "GET", "HEAD", "POST", "PUT"))


def test_a_failed_header_beside_the_method_is_a_404() -> None:
    routes = table(RouteSpec("beta", "/a", ("PUT",), headers=(("X-Beta", "1"),)))
    assert ask(routes, "/a", "GET") == (None, ())


def test_connect_and_trace_are_never_routed() -> None:
    for method in ("CONNECT", "TRACE"):
        payload, allowed = ask(table(RouteSpec("any", "/a")), "/a", method)
        assert payload is None
        assert "GET" in allowed
        assert method not in allowed
        with pytest.raises(ValueError, match="not routed"):
            build([RouteSpec("r", "/a", (method,))])
    assert ask(table(RouteSpec("any", "/a")), "/a", "BREW")[0] == "any"


def test_conditions_compare_whole_values_with_case() -> None:
    routes = table(RouteSpec("r", "/", headers=(("X-Mode", "caf\xe9"),), query=(("Q", "a b&c"),)))
    mode = "caf\xe9".encode().decode("latin-1")
    assert ask(routes, "/", query="Q=a+b%26c", HTTP_X_MODE=mode)[0] == "r"
    assert ask(routes, "/", query="x=1&Q=&Q=a%20b%26c", HTTP_X_MODE=mode)[0] == "r"
    for query, value in [
        ("q=a+b%26c", mode),
        ("Q=A+b%26c", mode),
        ("Q=a+b", mode),
        ("Q=a+b%26c", mode + ",x"),
        ("", mode),
    ]:
        assert ask(routes, "/", query=query, HTTP_X_MODE=value) == (None, ())


def test_more_conditions_then_values_then_priority() -> None:
    routes = table(
        RouteSpec("none", "/", priority=9),
        RouteSpec("low", "/", headers=(("X-A", "*"),)),
        RouteSpec("high", "/", headers=(("X-B", "*"),), priority=1),
        RouteSpec("value", "/", headers=(("X-C", "1"),)),
        RouteSpec("two", "/", headers=(("X-A", "*"),), query=(("v", "*"),)),
    )
    assert routes.routes() == ["two", "value", "high", "low", "none"]
    assert ask(routes, "/", HTTP_X_A="1", HTTP_X_B="1", HTTP_X_C="1", query="v")[0] == "two"
    assert ask(routes, "/", HTTP_X_A="1", HTTP_X_B="1", HTTP_X_C="1")[0] == "value"
    assert ask(routes, "/", HTTP_X_A="1", HTTP_X_B="1")[0] == "high"
    assert ask(routes, "/", HTTP_X_A="1")[0] == "low"


def test_parameters_come_back_as_they_were_sent() -> None:
    routes = table(RouteSpec("r", "/{a}/x/{n:int}/{rest:path}"))
    raw = ("caf%C3%A9", "%78", "%37", "b%20c", "d")
    found = routes.match("", "GET", "/caf\xe9/x/7/b c/d", {}, "", raw)
    assert found == ("r", {"a": "caf%C3%A9", "n": "%37", "rest": "b%20c/d"})
    assert ask(routes, "/caf\xe9/x/7/b c/d") == ("r", {"a": "caf\xe9", "n": "7", "rest": "b c/d"})


def test_a_target_that_is_no_path_meets_nothing() -> None:
    routes = table(RouteSpec("r", "/{rest:path}"))
    assert ask(routes, "*", "OPTIONS") == (None, ())
    assert ask(routes, "") == (None, ())


def test_a_table_without_routes_and_the_payload_as_given() -> None:
    assert ask(Table(), "/") == (None, ())
    payload = object()
    assert ask(table(RouteSpec(payload, "/")), "/")[0] is payload


def test_literals_are_told_apart_in_wide_tables() -> None:
    words = [f"{word}{n}" for n in range(400) for word in ("item", "x", "caf\xe9")]
    routes = table(*(RouteSpec(word, f"/{word}") for word in words[::2]))
    for place, word in enumerate(words):
        assert ask(routes, f"/{word}") == ((None, ()) if place % 2 else (word, None))
        assert ask(routes, f"/{word}-") == (None, ())


def test_a_repeated_query_name_chooses_by_the_conditions_whatever_the_order() -> None:
    one, two = RouteSpec("one", "/", query=(("v", "1"),)), RouteSpec("two", "/", query=(("v", "2"),))
    for routes in (table(one, two), table(two, one)):
        assert ask(routes, "/", query="v=2&v=1")[0] == "one"
        assert ask(routes, "/", query="v=2")[0] == "two"
