"""What the upstreams of a document become: pools, targets that are found, what certificates must say."""

from __future__ import annotations

import pytest

from gateway.config.compile import compile
from gateway.config.document import loads
from gateway.config.resources import RuntimeResources
from gateway.upstream.attempts import RetryingUpstream
from gateway.upstream.discovery.source import Discovered, Endpoint

ROUTES = "routes:\n  - {name: all, match: {path: /}, upstream: app}\n"


def made(spec: str, routes: str = ROUTES):
    """(the plan, what it is built on) of an upstream."""
    resources = RuntimeResources()
    return compile(loads(f"version: 1\nupstreams: {{app: {{{spec}}}}}\n{routes}"), resources), resources


@pytest.mark.parametrize(
    ("spec", "scheme", "server_name"),
    [
        ("dns: 'app.test:80'", "http", None),
        ("dns: 'https://app.test.:443'", "https", "app.test"),
        ("dns: https://_https._tcp.app.test", "https", "app.test"),
        ("dns: 'https://app.test:443', tls: {server_name: other.test}", "https", "other.test"),
        ("kubernetes: {service: app, namespace: shop, scheme: https}", "https", "app.shop.svc"),
        ("kubernetes: {service: app}", "http", None),
    ],
)
def test_targets_that_are_found_have_pools_of_their_own(spec: str, scheme: str, server_name: str | None):
    plan, resources = made(spec)
    assert plan.pool_keys == frozenset()
    (follow,) = plan.follows
    resources.sources.follow(plan.follows)
    follow.source.found([Endpoint("10.0.0.1", 8443), Endpoint("fd00::1", 8443)])
    first, second = follow.fleet.targets
    assert (first.address, second.address) == ("10.0.0.1:8443", "[fd00::1]:8443")
    assert first.pool.scheme == scheme
    assert getattr(first.pool, "conn_kw", {}).get("server_hostname") == server_name
    assert {str(key.address) for key in resources.sources.pool_keys()} == {first.address, second.address}
    resources.pools.retain(plan.pool_keys | resources.sources.pool_keys())
    assert not first.pool.is_draining
    follow.source.found([Endpoint("fd00::1", 8443)])
    resources.pools.retain(plan.pool_keys | resources.sources.pool_keys())
    assert first.pool.is_draining and not second.pool.is_draining


def test_the_next_plan_has_the_same_source():
    plan, resources = made("dns: 'app.test:80'")
    resources.sources.follow(plan.follows)
    plan.follows[0].source.found([Endpoint("10.0.0.1", 80)])
    text = f"version: 1\nupstreams: {{app: {{dns: 'app.test:80', timeout: {{connect: 1s}}}}}}\n{ROUTES}"
    (follow,) = compile(loads(text), resources).follows
    assert follow.fleet is not plan.follows[0].fleet
    assert follow.fleet.targets[0].pool is plan.follows[0].fleet.targets[0].pool


def test_a_route_ends_with_its_slowest_leg():
    text = """
version: 1
upstreams: {a: {targets: [http://a], timeout: {total: 3s}}, b: {targets: [http://b], timeout: {total: 7s}}}
routes:
  - {name: long, match: {path: /long}, split: [{upstream: a}, {upstream: b}]}
  - {name: short, match: {path: /short}, split: [{upstream: a}, {upstream: b}], timeout: 5s}
"""
    totals = {route.name: (route.total, route.upstream) for route in compile(loads(text)).routes}
    assert totals == {"long": (7.0, "split"), "short": (5.0, "split")}


def test_mirrors_of_one_upstream_share_what_is_on_its_way():
    text = """
version: 1
upstreams: {a: {targets: [http://a]}, b: {targets: [http://b], retry: {}, hedge: {}}}
routes:
  - {name: one, match: {path: /one}, upstream: a, mirror: {upstream: b}}
  - {name: two, match: {path: /two}, upstream: a, mirror: {upstream: b, share: 1%}}
"""
    resources = RuntimeResources()
    one, two = [route.fetch.__self__ for route in compile(loads(text), resources).routes]
    assert one._lane is two._lane is resources.lanes.get("b")
    assert one._copy_to is two._copy_to
    again = compile(loads(text), resources).routes[0].fetch.__self__
    assert again._lane is one._lane, "a reload does not double what may be on its way"


def test_a_reload_knows_what_was_found_out_of_what_an_upstream_can_take():
    text = """
version: 1
upstreams: {{app: {{targets: [http://a], timeout: {{total: {total}}}, overload: {{max_concurrency: adaptive}}}}}}
routes: [{{name: one, match: {{path: /one}}, upstream: app}}]
"""
    resources = RuntimeResources()
    plan = compile(loads(text.format(total="9s")), resources)
    limiter, at = resources.limiters["app"], 0
    while limiter.limit < 100:
        at += 10
        limiter.on_sample(0.01, limiter.limit, at)
    again = compile(loads(text.format(total="8s")), resources)
    assert again.attempts[0].limit is plan.attempts[0].limit is limiter, "each reload would begin with six requests"
    del plan, again, limiter
    assert not resources.limiters


@pytest.mark.parametrize(
    "spec",
    [
        "targets: [http://a]",
        "targets: [http://a], overload: {max_concurrency: 9}",
        "targets: [http://a], activate: {}, overload: {max_concurrency: adaptive}",
        "dns: 'app.test:80', health: {path: /}, circuit_breaker: {}, hedge: {}, retry: {attempts: 3, on: [503]}",
    ],
)
def test_a_part_with_tries_of_its_own_goes_to_the_very_same_upstream(spec: str):
    parts = "a: {upstream: app, path: /}, b: {upstream: app, path: /, retry: {budget: 7%}}"
    parts = f"{{{parts}, c: {{upstream: app, path: /, retry: off}}}}"
    page = f"  - {{name: page, match: {{path: /page}}, aggregate: {{parts: {parts}}}}}\n"
    plan, _ = made(spec, ROUTES + page)
    plain, page = plan.routes if plan.routes[0].name == "all" else reversed(plan.routes)
    fetches = {part.name: part.fetch for part in page.fetch.__self__._parts}
    assert fetches["a"] == plain.fetch
    (attempts,) = plan.attempts
    assert (len(plan.follows), len(plan.checks)) == (("dns" in spec), ("health" in spec))
    found = {name: reached(fetch) for name, fetch in fetches.items()}
    assert all(other.fleet is attempts.fleet and other.state is attempts.state for other, _ in found.values())
    assert all(other.circuit is attempts.circuit and other.http is attempts.http for other, _ in found.values())
    assert found["a"][0] is attempts and [each for _, each in found.values()] == [found["a"][1]] * 3
    own = found["b"][0]._retry
    assert (own.budget, own.attempts) == (70_000, 3 if "attempts" in spec else 2)
    assert own.on == (frozenset((503,)) if "attempts" in spec else frozenset(("connect", "reset", 502, 503, 504)))
    assert found["c"][0]._retry is None


def reached(fetch):
    """(the tries at the end of a fetch, what stands before them): through what wraps another fetch."""
    stages = []
    while not isinstance(owner := getattr(fetch, "__self__", None), RetryingUpstream):
        if owner is None:  # another way through a stage
            names = dict(zip(fetch.__code__.co_freevars, fetch.__closure__, strict=True))
            stages.append(names["self"].cell_contents)
            fetch = names["fetch"].cell_contents
        else:
            stages.append(owner._source if isinstance(owner, Discovered) else owner)
            fetch = owner._fetch
    return owner, stages


def test_no_name_is_looked_up_by_who_finds_nothing():
    """dnspython costs memory: it is there once it is needed."""
    import subprocess
    import sys

    code = (
        "import sys; from gateway.config.compile import compile; from gateway.config.document import loads\n"
        f"compile(loads({'version: 1' + chr(10) + 'upstreams: {app: {dns: app.test:80}}' + chr(10)!r}))\n"
        "assert not [name for name in sys.modules if name.partition('.')[0] == 'dns']"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
