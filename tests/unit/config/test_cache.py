"""`cache` of a route: what it comes to, and what is a mistake only once the callers are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cache.compile import key_of, rules_of
from gateway.cache.runtime import CacheRuntime
from gateway.config.compile import compile
from gateway.config.diagnostics import ConfigError
from gateway.config.document import load
from gateway.config.model import Document
from gateway.contracts import Plan

TOP = """version: 1
upstreams: {shop: {targets: ["http://127.0.0.1:9"]}}
auth:
  web: {session: {cookie: sid, oidc: {issuer: "https://id.example/", client_id: web, client_secret: s}}}
  keys: {api_key: {from: "header:X-Key", keys: ""}}
  crumbs: {api_key: {from: "cookie:key", keys: ""}}
  token: {jwt: {secret: 0123456789abcdef0123456789abcdef, algorithms: [HS256], from: "cookie:token"}}
  either: {jwt: {secret: 0123456789abcdef0123456789abcdef, algorithms: [HS256], from: ["cookie:t", "header:X-Token"]}}
routes:
"""


def read(folder: Path, *routes: str) -> Document:
    file = folder / "gateway.yaml"
    file.write_text(TOP + "".join(f"  - {{{route}}}\n" for route in routes))
    return load(str(file))


def steps(plan: Plan, name: str) -> list[str]:
    return [step.name for route in plan.routes if route.name == name for step in route.steps]


def test_a_cookie_alone_is_no_name_to_keep_answers_under(tmp_path: Path) -> None:
    routes = (
        "name: item, match: {path: /a}, upstream: shop, auth: {use: web}, cache: {ttl: 1s}",
        "name: for-all, match: {path: /b}, upstream: shop, auth: {use: web}, cache: {ttl: 1s, shared: true}",
        "name: both, match: {path: /c}, upstream: shop, auth: {use: [web, keys]}, cache: {ttl: 1s}",
        "name: crumb, match: {path: /d}, upstream: shop, auth: {use: [crumbs, token]}, cache: {ttl: 1s}",
        "name: either, match: {path: /e}, upstream: shop, auth: {use: either}, cache: {ttl: 1s}",
    )
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, *routes, "name: more, match: {path: /f}, upstream: shop, cache: {ttl: 1}")
    assert [(each.line, each.column, each.path) for each in caught.value.complaints] == [
        (10, 71, "routes[0].cache"), (13, 84, "routes[3].cache"), (15, 66, "routes[5].cache.ttl"),
    ]  # fmt: skip


def test_the_steps_are_shown_in_their_order(tmp_path: Path) -> None:
    plan = compile(read(tmp_path, "name: item, match: {path: /a}, upstream: shop, compress: {}, cache: {ttl: 1s}"))
    assert steps(plan, "item")[-2:] == ["cache", "compress"]


def test_a_route_that_may_change_what_others_keep_has_a_step_for_that(tmp_path: Path) -> None:
    cached = "name: item, match: {path: /a}, upstream: shop, cache: {ttl: 1s}"
    others = (
        "name: change, match: {path: /b, methods: [POST, GET]}, upstream: shop",
        "name: look, match: {path: /c, methods: [GET, HEAD]}, upstream: shop",
    )
    plan = compile(read(tmp_path, cached, *others))
    assert "cache" in steps(plan, "change") and "cache" not in steps(plan, "look")
    assert any(isinstance(each, CacheRuntime) for each in plan.kept)
    without = compile(read(tmp_path, *others))
    assert "cache" not in steps(without, "change")
    assert not any(isinstance(each, CacheRuntime) for each in without.kept)


def test_who_chooses_a_leg_by_a_header_chooses_it_for_nobody_else(tmp_path: Path) -> None:
    split = "split: {override: X-Leg, legs: [{upstream: shop, weight: 1}]}"
    route = read(tmp_path, f"name: item, match: {{path: /a}}, {split}, cache: {{ttl: 1s, vary: [X-A]}}").routes[0]
    assert route.cache is not None
    assert rules_of(route.cache, route).vary == ("x-a", "x-leg")


def test_a_route_of_other_methods_keeps_nothing(tmp_path: Path) -> None:
    route = "name: item, match: {path: /a, methods: [POST, PUT]}, upstream: shop, cache: {ttl: 1s}"
    with pytest.raises(ConfigError, match="the route takes neither"):
        read(tmp_path, route)


def test_no_types_at_all_are_no_list_of_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "name: item, match: {path: /a}, upstream: shop, compress: {types: []}")
    assert [each.path for each in caught.value.complaints] == ["routes[0].compress.types"]


def test_claims_that_go_upstream_tell_answers_apart(tmp_path: Path) -> None:
    told = "headers: {request: {set: {X-Tenant: '{claim.org.id}'}}}, policies: []"
    parts = "{one: {upstream: shop, method: POST, path: /x, body: {who: ['{claim.role} {claim.org.id}']}}}"
    routes = read(
        tmp_path,
        f"name: item, match: {{path: /a}}, upstream: shop, auth: {{use: keys}}, {told}, cache: {{ttl: 1s}}",
        f"name: all, match: {{path: /b}}, upstream: shop, auth: keys, {told}, cache: {{ttl: 1s, shared: true}}",
        f"name: page, match: {{path: /c}}, aggregate: {{parts: {parts}}}, auth: {{use: keys}}, cache: {{ttl: 1s}}",
    ).routes
    told_of = [key_of(each.cache, each).told for each in routes if each.cache is not None]
    assert told_of == [("org.id",), (), ("role", "org.id")]
