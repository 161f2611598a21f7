"""Preflights end at `cors`, and are held to the limits for every request all the same."""

from __future__ import annotations

from gateway import pipeline
from gateway.config.compile import compile
from gateway.config.document import loads
from gateway.contracts import Plan, RoutePlan
from tests.exchanges import exchange

CONFIG = """version: 1
cors: {web: {origins: ["https://app.test"], methods: [GET]}}
defaults: {cors: web}
rate_limits:
  - {name: every, per: "header:X-Edge", rate: 1/h, burst: 2}
  - {name: caller, per: client, rate: 1/h, burst: 3}
routes:
  - {name: item, match: {path: /item}, respond: {status: 200}, rate_limit: {per: route, rate: 1/h, burst: 1}}
  - {name: bare, match: {path: /bare}, cors: off, respond: {status: 200}}
"""
ASKS = {"HTTP_ORIGIN": "https://app.test", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}


def asked(plan: RoutePlan, method: str = "OPTIONS", edge: str = "1") -> int:
    made = exchange(method, "/item", [("X-Edge", edge)], route=plan, client="192.0.2.1")
    made.environ = dict(ASKS) if method == "OPTIONS" else {}
    answer = pipeline.run(made, plan)
    pipeline.finish(made)
    return answer.status


def plan() -> Plan:
    return compile(loads(CONFIG, "x.yaml"))


def item() -> RoutePlan:
    return next(route for route in plan().routes if route.name == "item")


def test_the_limits_for_every_request_hold_for_preflights_and_those_of_the_route_do_not() -> None:
    line = item()
    assert [asked(line, edge=edge) for edge in "112"] == [204, 204, 204]
    assert asked(line, edge="1") == 429, "its two are used up"
    assert asked(line, edge="2") == 429, "the caller's three are"


def test_preflights_and_requests_take_from_the_same_buckets_once() -> None:
    line = item()
    assert [asked(line), asked(line, "GET"), asked(line, "GET")] == [204, 200, 429]


def test_so_it_is_where_no_route_matches() -> None:
    unmatched = plan().unmatched
    assert [asked(unmatched) for _ in range(3)] == [204, 204, 429]


def test_who_has_no_cors_or_no_limits_has_no_step_for_it() -> None:
    found = {route.name: [step.name for step in route.steps] for route in plan().routes}
    assert ("limit-preflight" in found["item"], "limit-preflight" in found["bare"]) == (True, False)
    lines = [line for line in CONFIG.splitlines() if "rate_limits" not in line and "/h, burst: " not in line]
    free = compile(loads("\n".join([*lines[:4], "  - {name: i, match: {path: /i}, respond: {status: 200}}"]), "x.yaml"))
    assert [step.name for step in free.routes[0].steps].count("limit-preflight") == 0
