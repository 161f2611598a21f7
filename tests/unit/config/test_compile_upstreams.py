"""What the upstreams of a document become: pools, targets that are found, what certificates must say."""

from __future__ import annotations

import pytest

from gateway.config.compile import compile
from gateway.config.compile_upstreams import Resources
from gateway.config.document import loads
from gateway.upstreams.discovery.source import Endpoint

ROUTES = "routes:\n  - {name: all, match: {path: /}, upstream: app}\n"


def made(spec: str, routes: str = ROUTES):
    """(the plan, what it is built on) of an upstream."""
    resources = Resources()
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
    resources = Resources()
    one, two = [route.fetch.__self__ for route in compile(loads(text), resources).routes]  # type: ignore[attr-defined]
    assert one._lane is two._lane is resources.lanes.get("b")
    assert one._copy_to is two._copy_to
    again = compile(loads(text), resources).routes[0].fetch.__self__  # type: ignore[attr-defined]
    assert again._lane is one._lane, "a reload does not double what may be on its way"


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
