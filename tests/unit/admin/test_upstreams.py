"""/api/upstreams: what it says of each target and why, and what a PATCH changes."""

import json
import os
from time import monotonic

import pytest

from gateway._fast.target_stats import now_ms
from gateway.config.document import load
from gateway.errors import UPSTREAM_REFUSED, GatewayError
from gateway.upstream import admin_rows as upstream_rows
from gateway.upstream import override
from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience import health_check as health
from gateway.upstream.resilience import outlier
from tests.exchanges import exchange
from tests.unit.admin.admin_site import AdminSite

CONFIG = """\
version: 1
server:
  admin: {admin}
  overload: {{max_concurrency: 7}}
upstreams:
  items:
    targets: [http://127.0.0.1:9, {{url: http://127.0.0.1:10, weight: 3}}, "unix:/run/it/a.sock"]
    slow_start: 10s
    health: {{path: /healthz, fall: 2}}
    outlier: {{consecutive_5xx: 2}}
    circuit_breaker: {{min_requests: 2, half_open: 3}}
    retry: {{attempts: 1}}
    overload: {{max_concurrency: adaptive}}
  plain: {{targets: [http://127.0.0.1:9]}}
  found: {{dns: "app.test:80"}}
  empty: {{targets: []}}
routes: []
"""
FIRST = "/api/upstreams/items/targets/127.0.0.1:9"


class UpstreamSite(AdminSite):
    def write(self, headers):
        self.config.write_text(CONFIG.format(admin=self.admin))

    @property
    def attempts(self):
        return {each.name: each for each in self.store.current.attempts}

    @property
    def targets(self):
        return self.attempts["items"].fleet.targets

    def told(self, name="items", at=None):
        """What is said of an upstream, now or `at` a time of `now_ms`."""
        with pytest.MonkeyPatch.context() as patch:
            if at is not None:
                patch.setattr(upstream_rows, "now_ms", lambda: at)
            return next(each for each in self.ask("GET", "/api/upstreams").json if each["name"] == name)

    def patch(self, path=FIRST, **change):
        body = json.dumps(change).encode()
        return self.ask("PATCH", path, body=body, x_gateway_admin="1")


@pytest.fixture
def site(tmp_path):
    made = UpstreamSite(tmp_path)
    yield made
    os.close(made.page.fd)


def tell(target, *statuses, at):
    """Have health checks end with these statuses."""
    rules = health.HealthCheckPolicy(5000, 1000, 2, 2, frozenset((200,)))
    for status in statuses:
        target.state.health.store(health.observe(target.state.health.load(), status, at, rules))


def test_an_upstream_that_nobody_asked_much_of(site):
    told = site.told("plain")
    assert told == {
        "name": "plain",
        "where": f"{site.config}:14",
        "balance": "p2c",
        "in_panic": False,
        "in_flight": 0,
        "limit": {"now": 7, "adaptive": False},
        "circuit": None,
        "budget": None,
        "discovery": None,
        "targets": [
            {
                "address": "127.0.0.1:9",
                "state": "serving",
                "why": "nothing speaks against it",
                "zone": None,
                "region": None,
                "weight": {"configured": 1, "effective": 1.0},
                "override": {"state": "serve", "weight": None},
                "in_flight": 0,
                "latency_ms": None,
                "health": None,
                "window": None,
                "shared": True,
            }
        ],
    }


def test_what_is_asked_for_is_shown(site):
    told = site.told()
    assert told["limit"] == {"now": site.attempts["items"].limit.limit, "adaptive": True}
    assert told["circuit"]["state"] == "closed"
    assert told["budget"]["retries_share"] == 0.2
    assert [target["weight"]["configured"] for target in told["targets"]] == [1, 3, 1]
    assert {target["why"] for target in told["targets"]} == {"not checked yet"}
    assert site.told("found")["discovery"] == {"by": "dns app.test:80", "settled": False, "error": None}
    assert site.told("empty")["targets"] == []


def test_requests_are_counted(site):
    attempts = site.attempts["items"]
    with pytest.raises(GatewayError):
        attempts.fetch(exchange("GET", "/x", started=monotonic()))
    told = site.told()
    assert told["budget"]["requests"] == 1
    assert told["budget"]["retries"] == 1
    assert sum(target["window"]["failures"] for target in told["targets"]) == 2
    site.targets[0].state.enter()
    told = site.told()
    assert (told["in_flight"], told["targets"][0]["in_flight"]) == (1, 1)
    site.targets[1].state.observe(now_ms(), 0.25)
    assert site.told()["targets"][1]["latency_ms"] > 0


def test_a_target_that_is_down(site):
    now = now_ms()
    tell(site.targets[0], 200, 500, 500, at=now - 3000)
    told = site.told(at=now)["targets"][0]
    assert told["state"] == "down"
    assert told["why"].startswith("its health check got status 500; down for 3.")
    assert (told["health"]["state"], told["health"]["status"]) == ("down", 500)
    assert told["health"]["since"].startswith("20")
    tell(site.targets[0], 0, at=now)
    assert "no answer" in site.told()["targets"][0]["why"]
    tell(site.targets[0], 200, 200, at=now)
    told = site.told()["targets"][0]
    assert (told["state"], told["health"]["state"]) == ("serving", "up")


def test_a_target_that_is_ejected(site):
    fleet, target = site.attempts["items"].fleet, site.targets[0]
    now = now_ms()
    for _ in range(2):
        fleet.observe(target, breaker.FREE, UPSTREAM_REFUSED, 0.1, now)
    target.state.breaker.store(0)
    told = site.told(at=now)["targets"][0]
    assert told["state"] == "ejected"
    assert told["why"].startswith("2 failures in a row; left out for another 30.0 s")
    assert outlier.is_ejected(target.state.ejection.load(), now)


def test_a_target_whose_circuit_is_open_and_half_open(site):
    target, now = site.targets[0], now_ms()
    for _ in range(2):
        target.circuit.tell(now, breaker.FREE, True, 0.1)
    told = site.told(at=now)["targets"][0]
    assert (told["state"], told["why"]) == ("circuit open", "it failed too often or was too slow; probed in 5 s")
    assert target.circuit.ticket(now + 6000)
    told = site.told(at=now + 6000)["targets"][0]
    assert (told["state"], told["why"]) == ("circuit half-open", "1 of 3 probes sent, 0 went well")


def test_the_circuit_of_an_upstream(site):
    circuit, now = site.attempts["items"].circuit, now_ms()
    for _ in range(2):
        circuit.tell(now, breaker.FREE, True, 0.1)
    told = site.told(at=now)["circuit"]
    assert (told["state"], told["window"]["failures"]) == ("open", 2)
    assert "probed in 5 s" in told["why"]


def test_a_target_that_starts_slowly(site):
    now = now_ms()
    site.targets[1].state.since.store(now - 5000)
    told = site.told(at=now)["targets"][1]
    assert told["state"] == "starting slowly"
    assert told["why"].startswith("back for 5.0 s, it has 55% of its weight")
    assert told["weight"]["effective"] == pytest.approx(1.65, abs=0.02)


def test_panic_is_told(site):
    for target in site.targets:
        tell(target, 500, 500, at=now_ms())
    told = site.told()
    assert told["in_panic"]
    assert all(
        target["why"].endswith("; used all the same, for too few targets are well") for target in told["targets"]
    )


@pytest.mark.parametrize(("state", "shown"), [("drain", "draining"), ("disable", "disabled")])
def test_drain_and_disable_hold_for_the_next_plan_too(site, state, shown):
    answer = site.patch(state=state)
    assert answer.status == 200
    assert (answer.json["state"], answer.json["why"]) == (shown, "set by hand; 0 requests are still under way")
    site.store.adopt(load(str(site.config)), 2)
    assert site.told()["targets"][0]["state"] == shown
    assert site.told("plain")["targets"][0]["state"] == "serving", "the same address in another upstream"
    now = now_ms()
    assert site.patch(state="serve").json["state"] == "starting slowly"
    assert site.targets[0].state.since.load() >= now


def test_state_and_weight_are_changed_by_themselves(site):
    assert site.patch(weight=5).json["weight"] == {"configured": 1, "effective": 5.0}
    assert site.patch(state="drain").json["override"] == {"state": "drain", "weight": 5}
    assert site.patch(weight=None).json["override"] == {"state": "drain", "weight": None}
    assert site.patch(weight=override.MOST, state="serve").json["override"] == {
        "state": "serve",
        "weight": override.MOST,
    }
    assert site.targets[0].state.since.load()
    assert site.targets[0].weight == override.MOST


def test_one_target_can_be_shown_and_a_slash_in_its_address_is_one(site):
    assert site.ask("GET", FIRST).json == site.told()["targets"][0]
    path = "/api/upstreams/items/targets/unix:/run/it/a.sock"  # as PATH_INFO has it: decoded
    assert site.ask("GET", path).json["address"] == "unix:/run/it/a.sock"
    assert site.ask("HEAD", path).body == b""
    assert site.patch(path, state="drain").json["state"] == "draining"


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/api/upstreams/itms/targets/127.0.0.1:9", "There is no upstream 'itms': did you mean `items`? there are: "),
        (
            "/api/upstreams/items/targets/127.0.0.1:8",
            "has no target '127.0.0.1:8': did you mean `127.0.0.1:9`? there are: 127.0.0.1:10, ",
        ),
        ("/api/upstreams/empty/targets/x", "The upstream empty has no target 'x': there is none."),
    ],
)
def test_what_is_not_there(site, path, detail):
    for answer in (site.patch(path, state="serve"), site.ask("GET", path)):
        assert (answer.status, answer.json["type"]) == (404, "urn:gateway:error:unknown-target")
        assert detail in answer.json["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b"{", b"\xff", b'{"state": "off"}', b'{"state": null}', b'{"state": []}',
        b'{"stat": "serve"}', b'{"weight": 0}', b'{"weight": -1}', b'{"weight": 1.5}', b'{"weight": true}',
        b'{"weight": "5"}', b'{"weight": 1000001}',
        b'{"state": "serve", "x": 1}', b'{"state": "serve"' + b" " * 5000 + b"}", b"[" * 4000,
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_made(site, body):
    answer = site.ask("PATCH", FIRST, body=body, x_gateway_admin="1")
    assert (answer.status, answer.json["type"]) == (422, "urn:gateway:error:bad-change")
    assert site.targets[0].state.override.load() == 0


def test_who_may_change(site):
    body = b'{"state": "drain"}'
    assert site.ask("PATCH", FIRST, body=body).json["type"].endswith(":admin-header")
    assert site.ask("PATCH", FIRST, body=body, x_gateway_admin="1", origin="http://a.b").status == 403
    assert site.ask("DELETE", FIRST, x_gateway_admin="1").headers["allow"] == "GET, HEAD, PATCH, OPTIONS"
    assert site.targets[0].state.override.load() == 0


def test_without_upstreams_the_list_is_empty(site):
    site.config.write_text(f"version: 1\nserver: {{admin: '{site.admin}'}}\n")
    site.store.adopt(load(str(site.config)), 2)
    assert site.ask("GET", "/api/upstreams").json == []
