"""The configuration that is measured reaches nobody, and a request is found for its routes."""

import pytest
from msgspec import structs

from gateway.config.compile import compile as compile_document
from gateway.config.document import load
from gateway.tuning.config import Place, Settings, changes, tuned_config
from gateway.tuning.request import CannotTune, TargetRequest, ask_for, filled, route_of

CONFIG = """
version: 1
server: {bind: "0.0.0.0:8000", admin: "127.0.0.1:8001", workers: 3, connections: 500}
store: redis://redis.example:6379/0
upstreams:
  catalog:
    targets: [https://10.0.0.5:9101, https://10.0.0.6:9101]
    health: {path: /healthz, every: 5s, timeout: 1s}
  found: {dns: "found.example:80"}
auth:
  people: {jwt: {secret: "0123456789abcdef0123456789abcdef", algorithms: [HS256], audience: any}}
rate_limits: [{name: all, per: all, rate: 10/s}]
observability:
  access_log: {format: json, to: ACCESS}
  statsd: {host: stats.example, port: 8125}
  tracing: {otlp: "https://traces.example", sample: 1%}
audit: {to: AUDIT}
alerts:
  - {name: shop-fails, when: "error_rate(1m) > 1%", severity: page}
escalation:
  page: [{after: 0s, webhook: "https://hook.example/x"}]
routes:
  - {name: mine, match: {path: "/mine"}, upstream: catalog, auth: {use: people}}
  - name: item
    match: {path: "/v1/{kind}/{id:int}/{day:dt}", methods: [PUT, GET], hosts: ["*.shop.example"], query: {a: "*"}}
    upstream: catalog
    rate_limit: {per: ip, rate: 5/m}
  - {name: rest, match: {path: "/café/{rest:path}"}, upstream: found}
"""


@pytest.fixture
def document(tmp_path):
    text = CONFIG.replace("ACCESS", str(tmp_path / "a.log")).replace("AUDIT", str(tmp_path / "audit.log"))
    (tmp_path / "gateway.yaml").write_text(text)
    return load(str(tmp_path / "gateway.yaml"))


def test_nothing_of_the_users_can_be_reached(document):
    found = tuned_config(document, Settings(2, 100), Place(1111, 2222, 3333))
    text = repr(structs.replace(found, shown="", file="", access_log=None, version=""))
    for name in (
        "10.0.0.",
        "redis.example",
        "stats.example",
        "traces.example",
        "hook.example",
        "found.example",
        "audit.log",
    ):
        assert name in repr(document) and name not in text, name
    assert found.server.bind == ("127.0.0.1:1111",) and found.server.admin == "127.0.0.1:2222"
    assert (found.server.workers, found.server.connections) == (2, 100)
    assert found.access_log.to == "/dev/null" and found.files == () and found.patterns == ()


def test_it_still_is_a_configuration(document):
    plan = compile_document(tuned_config(document, Settings(1, 100), Place(1111, 2222, 3333)))
    assert {route.name for route in plan.routes} >= {"mine", "item", "rest"}


def test_real_upstreams_stay_and_nobody_else(document):
    found = tuned_config(document, Settings(1, 100), Place(1111, 2222, 0))
    assert found.upstreams == document.upstreams
    assert found.store == "memory" and not found.alerting.alerts and found.audit is None


def test_limits_are_asked_and_do_not_refuse(document):
    found = tuned_config(document, Settings(1, 100), Place(1, 2, 3))
    limits = [*found.rate_limits, *(limit for route in found.routes for limit in route.rate_limit)]
    assert len(limits) == 2
    assert all(limit.rate.count >= 1_000_000 and limit.rate.burst >= 1_000_000 for limit in limits)


def test_what_is_measured_otherwise_is_told(document):
    route = document.routes[1]
    told = "\n".join(changes(document, route, is_echo=True))
    for words in (
        "echo",
        "never refuse",
        "store is in memory",
        "Alerts are off",
        "audit log is off",
        "several targets",
    ):
        assert words in told, words
    assert "echo" not in "\n".join(changes(document, route, is_echo=False))


def test_the_first_route_for_strangers_is_chosen_or_that_of_a_token(document):
    assert route_of(document, TargetRequest(), is_echo=True).name == "item"
    assert route_of(document, TargetRequest(headers=(("Authorization", "Bearer x"),)), is_echo=True).name == "mine"
    assert route_of(document, TargetRequest(route="rest"), is_echo=True).name == "rest"


@pytest.mark.parametrize("wish", [TargetRequest(route="itme"), TargetRequest(path="/x")])
def test_a_wish_that_cannot_be_is_told(document, wish):
    with pytest.raises(CannotTune, match=r"item|--route"):
        route_of(document, wish, is_echo=True)


def test_calls_of_grpc_are_not_measured(document):
    routes = tuple(structs.replace(route, passes_grpc=True) for route in document.routes)
    with pytest.raises(CannotTune, match="takes calls of gRPC"):
        route_of(structs.replace(document, routes=routes), TargetRequest(route="item"), is_echo=True)


def test_a_request_has_what_the_route_asks_for(document):
    found = ask_for(document.routes[1], TargetRequest(headers=(("X-A", "b"),)))
    assert found.text() == "GET /v1/a/42/2026-01-31?a=1 HTTP/1.1\r\nHost: tune.shop.example\r\nX-A: b\r\n\r\n"
    sent = ask_for(document.routes[1], TargetRequest(method="PUT", path="/v1/x/1/2026-01-31?a=2", body=b"{}")).text(
        last=True
    )
    assert sent.startswith("PUT /v1/x/1/2026-01-31?a=2 HTTP/1.1\r\n") and sent.endswith("\r\n\r\n{}")
    assert "Content-Length: 2\r\n" in sent and "Connection: close\r\n" in sent


def test_paths_travel_encoded():
    assert filled("/caf%C3%A9/{rest:path}") == "/caf%C3%A9/a"
    assert filled("/café/{a}/{b:uuid}/") == "/caf%C3%A9/a/123e4567-e89b-42d3-a456-426614174000/"
    assert filled("/") == "/"
