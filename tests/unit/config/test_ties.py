"""Ties against brute force over requests, and the contract's words on them."""

from itertools import product
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway._fast.route import RouteSpec
from gateway.config.route_conflicts import route_conflicts
from tests.oracles import route_oracle
from tests.oracles.route_cases import METHODS, on_the_wire, route_sets
from tests.oracles.route_cases import UUID as A_UUID
from tests.support.drawing import examples

EXAMPLES = {"int": "7", "float": "7.5", "uuid": A_UUID, "dt": "2026-11-24", "": "zz", "path": "r/s"}
PLACES = {"header": ("X-Beta", "content-type"), "query": ("v", "w")}
KEYS = {"X-Beta": "HTTP_X_BETA", "content-type": "CONTENT_TYPE"}


def tied(*routes: RouteSpec) -> bool:
    return bool(route_conflicts([(f"r{place}", spec) for place, spec in enumerate(routes)]))


def an_example(template: str) -> str:
    """A path that is of no more specific kinds than the template says."""
    kinds = [route_oracle.kind_and_name(segment) for segment in route_oracle.split(template)]
    return "/" + "/".join(text if kind == "literal" else EXAMPLES[kind] for kind, text in kinds)


def values(one: RouteSpec, other: RouteSpec, name: str) -> list[str | None]:
    """What may stand under a name to tell two routes apart: nothing, the values they want, and another."""
    wanted = {value for spec in (one, other) for key, value in (*spec.headers, *spec.query) if key == name}
    return [None, *sorted({"other" if value == "*" else value for value in wanted})]


def all_requests(one: RouteSpec, other: RouteSpec):
    """Every request that matters to two routes, without repeated query names."""
    hosts = {pattern.replace("*", "zz").lower() for spec in (one, other) for pattern in spec.hosts} | {"zz"}
    names = (*PLACES["header"], *PLACES["query"])
    for chosen in product(*(values(one, other, name) for name in names)):
        sent = {name: value for name, value in zip(names, chosen, strict=True) if value is not None}
        environ = {KEYS[name]: on_the_wire(sent[name]) for name in PLACES["header"] if name in sent}
        query = "&".join(
            f"{name}={sent[name].replace('&', '%26').replace('+', '%2B')}" for name in PLACES["query"] if name in sent
        )
        for host, method, path in product(hosts, METHODS, {an_example(one.path), an_example(other.path)}):
            yield host, method, path, environ, query


def is_tie(one: RouteSpec, other: RouteSpec) -> bool:
    return any(len(route_oracle.best([one, other], *request)[0]) == 2 for request in all_requests(one, other))


@examples(40)
@given(route_sets(5))
def test_ties_are_what_brute_force_finds(routes: list[RouteSpec]) -> None:
    found = {pair[:2] for pair in route_conflicts([(str(spec.payload), spec) for spec in routes])}
    pairs = [(one, other) for place, one in enumerate(routes) for other in routes[place + 1 :]]
    assert found == {(str(one.payload), str(other.payload)) for one, other in pairs if is_tie(one, other)}


BASE = RouteSpec(None, "/a/{n:int}", ("GET", "POST"), ("x.com", "*.y.com"), (("X-Beta", "1"),), (("v", "2"),))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ({}, True),
        ({"path": "/a/{other:int}"}, True),
        ({"path": "/a/{n:float}"}, False),
        ({"path": "/a/{n:int}/"}, False),
        ({"path": "/b/{n:int}"}, False),
        ({"methods": ("POST", "PUT")}, True),
        ({"methods": ("PUT",)}, False),
        ({"methods": ()}, False),
        ({"hosts": ("*.Y.com",)}, True),
        ({"hosts": ("y.com", "a.y.com", "*.a.y.com")}, False),
        ({"hosts": ()}, False),
        ({"headers": (("x-beta", "1"),)}, True),
        ({"headers": (("x-beta", "2"),)}, False),
        ({"headers": (("X-Other", "1"),)}, True),
        ({"headers": (("X-Beta", "*"),)}, False),
        ({"query": (("v", "3"),)}, False),
        ({"query": (("V", "3"),)}, True),
        ({"headers": (("v", "2"),), "query": (("X-Beta", "1"),)}, True),
        ({"priority": 1}, False),
    ],
)
def test_what_ties_and_what_does_not(other: dict[str, object], expected: bool) -> None:
    assert tied(BASE, BASE._replace(**other)) is expected


def test_a_value_may_be_what_presence_asks_for() -> None:
    one = RouteSpec(None, "/", headers=(("X-A", "1"), ("X-B", "*")))
    assert tied(one, RouteSpec(None, "/", headers=(("X-A", "*"), ("X-B", "1"))))


def test_both_are_named_once_and_the_words_say_where() -> None:
    found = route_conflicts([("one", BASE), ("two", RouteSpec(None, "/")), ("three", BASE)])
    assert [pair[:2] for pair in found] == [("one", "three")]
    for words in ("/a/{n:int}", "equal rank and priority"):
        assert words in found[0][2]


def test_a_hundred_are_enough() -> None:
    assert len(route_conflicts([(str(n), BASE) for n in range(10_000)])) == 100


@pytest.mark.parametrize(
    "route",
    [
        lambda n: RouteSpec(None, f"/v1/items-{n}/{{id:int}}", ("GET",), ("api.example.com",)),
        lambda n: RouteSpec(None, "/v1/items", ("GET",), headers=(("X-Tenant", f"t{n}"), ("X-Kind", "*"))),
        lambda n: RouteSpec(None, "/v1/items", (f"M{n}",)),
        lambda n: RouteSpec(None, "/v1/items", hosts=(f"h{n}.example.com",)),
    ],
    ids=["paths", "headers", "methods", "hosts"],
)
def test_ten_thousand_routes_are_checked_at_once(route) -> None:
    named = [(str(n), route(n)) for n in range(10_000)]
    started = process_time()
    assert route_conflicts(named) == []
    assert process_time() - started < 2, "of CPU, a quarter of it where no lines are counted"


@given(st.data())
def test_ties_do_not_depend_on_the_order(data: st.DataObject) -> None:
    named = [(str(spec.payload), spec) for spec in data.draw(route_sets())]
    shuffled = data.draw(st.permutations(named))
    assert {frozenset(pair[:2]) for pair in route_conflicts(named)} == {
        frozenset(pair[:2]) for pair in route_conflicts(shuffled)
    }
