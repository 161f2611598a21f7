"""A plan that is let go goes at once: at a reload what is alive is put where the collector does not look."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator

import pytest

from gateway.config.compile import compile
from gateway.config.document import loads
from gateway.config.resources import RuntimeResources

TEXT = """
version: 1
server: {overload: {max_concurrency: 10}}
auth:
  callers:
    jwt: {issuer: "https://id.example/", audience: a, algorithms: [HS256], secret: "SECRET of 32 bytes, and some more"}
rate_limits: [{name: all, per: ip, rate: 10/s, burst: 10}]
upstreams:
  up: {targets: ["http://127.0.0.1:9"], retry: {attempts: 2, on: [connect]}}
  other: {targets: ["http://127.0.0.1:9"], health: {path: /h}, overload: {max_concurrency: adaptive}}
  started: {targets: ["http://127.0.0.1:9"], hedge: {}, circuit_breaker: {}, outlier: {}, activate: {}}
  found: {dns: "app.test:80", health: {path: /h}}
observability: {tracing: {otlp: "http://127.0.0.1:9", sample: 1%}}
routes:
  - {name: a, match: {path: /a}, upstream: up, auth: {use: [callers]}, rate_limit: {per: client, rate: 1/s, burst: 1}}
  - name: b
    match: {path: /b}
    split: [{upstream: up, weight: 1}, {upstream: other, weight: 1}]
    compress: {}
    cache: {ttl: 1s}
  - {name: c, match: {path: /c}, respond: {status: 200, body: c}, headers: {response: {set: {X-C: "1"}}}}
  - {name: d, match: {path: /d}, function: "gateway.examples:hello"}
  - name: e
    match: {path: /e}
    upstream: up
    transform: {response: {json: {remove: [a]}}}
    mirror: {upstream: other, share: 1%}
  - {name: g, match: {path: /g}, upstream: started}
  - {name: h, match: {path: /h}, upstream: found}
  - {name: f, match: {path: /f}, aggregate: {parts: {one: {upstream: up, path: /, retry: {attempts: 1}}}}}
"""


KINDS = (
    *("_Compiler", "Route", "RoutePlan", "Upstream", "Step"),
    *("Attempts", "Gate", "Limiter", "Activator", "Discovered", "Follow", "Services"),
    *("Fleet", "Target", "TargetState", "UpstreamState"),
)


@pytest.fixture
def calm() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held() -> Counter[str]:
    names = (type(each).__name__ for each in gc.get_objects())
    return Counter(name for name in names if name in KINDS)


def test_nothing_of_a_plan_waits_for_the_collector(calm: None) -> None:
    resources = RuntimeResources()
    compile(loads(TEXT, "gateway.yaml"), resources)  # what is imported and kept for good
    gc.collect()
    before = held()
    plan = compile(loads(TEXT.replace("SECRET", "other secret"), "gateway.yaml"), resources)
    assert len(plan.routes) == 8
    assert held()["RoutePlan"] > before["RoutePlan"]
    del plan
    assert held() == before
