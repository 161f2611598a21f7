"""`rate_limits` and `rate_limit`: what they mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.document import load, loads
from gateway.ratelimit.options import NANOS, Penalty, Rate

EXAMPLE = Path(__file__).parents[3] / "conf" / "examples" / "limits.yaml"
AUTH = "auth: {k: {api_key: {stored: true}}}\n"


def read(limit: str = "", system: str = "", store: str = "memory", auth: str = ""):
    rate_limit = f", rate_limit: {limit}" if limit else ""
    return loads(
        f"version: 1\nstore: {store}\nupstreams: {{a: {{targets: [http://h]}}}}\n{AUTH}"
        + (f"rate_limits: {system}\n" if system else "")
        + f"routes: [{{name: r, match: {{path: '/{{x}}/{{id:int}}'}}, upstream: a{auth}{rate_limit}}}]\n",
        "x.yaml",
    )


def limit(text: str, auth: str = ""):
    (found,) = read(text, auth=auth).routes[0].rate_limit
    return found


def test_nothing_is_limited_that_is_not_written():
    document = read()
    assert document.rate_limits == document.routes[0].rate_limit == ()


def test_one_limit_of_a_route():
    found = limit("{per: ip, rate: 100/s, burst: 7}")
    assert (found.name, found.per, found.rate, found.cost) == ("ip", ("ip",), Rate(100, 1, 7), 1)
    assert not found.is_shadow and not found.legacy and found.plans == () and found.where == "x.yaml:5"


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ("100/s", Rate(100, 1, 100)),
        ("6000/m", Rate(6000, 60, 100)),
        ("90/m", Rate(90, 60, 1)),
        ("10/h", Rate(10, 3600, 1)),
        ("1000/d", Rate(1000, 86400, 1)),
    ],
)
def test_a_burst_is_what_a_second_admits_and_at_least_one(rate, expected):
    assert limit(f"{{per: all, rate: {rate}}}").rate == expected


@given(count=st.integers(1, 10**6), seconds=st.sampled_from([1, 60, 3600, 86400]))
def test_the_interval_never_exceeds_the_rate_and_is_off_by_less_than_a_nanosecond(count, seconds):
    interval = Rate(count, seconds, 1).interval
    assert interval * count >= seconds * NANOS > (interval - 1) * count


@pytest.mark.parametrize(
    ("per", "name", "parts"),
    [
        ("client", "client", ("client",)),
        ("[client, route]", "client-route", ("client", "route")),
        ("'header:X-Plan'", "header-x-plan", ("header:x-plan",)),
        ("['param:x', ip]", "param-x-ip", ("param:x", "ip")),
    ],
)
def test_a_name_is_made_of_the_key(per, name, parts):
    found = limit(f"{{per: {per}, rate: 1/s}}")
    assert (found.name, found.per) == (name, parts)


def test_a_claim_and_plans_of_a_route_with_auth():
    found = limit(
        "{per: 'claim:org.tenant', rate: 1/s, plans: {by: 'claim:plan', gold: {rate: 9/s, burst: 3}, "
        "free: {rate: 2/s}}}",
        auth=", auth: k",
    )
    assert found.plan_claim == "plan" and found.needs_caller
    assert found.plans == (("gold", Rate(9, 1, 3)), ("free", Rate(2, 1, 2)))


def test_a_client_limit_needs_no_auth():
    assert limit("{per: client, rate: 1/s}").needs_caller
    assert not limit("{per: ip, rate: 1/s}").needs_caller


def test_shadow_cost_and_legacy():
    found = limit("{name: n, per: all, rate: 10/s, cost: 5, mode: shadow, headers: {legacy: true}, sync: leased}")
    assert (found.name, found.cost, found.is_shadow, found.legacy) == ("n", 5, True, True)


def test_limits_for_every_request():
    document = read(system="[{name: a, per: all, rate: 1/s}, {name: c, per: 'claim:sub', rate: 1/s}]")
    assert [each.name for each in document.rate_limits] == ["a", "c"]
    assert document.warnings == ()


def test_what_a_store_has_to_do_with_it():
    found = limit("{per: ip, rate: 1/s}")
    assert (found.is_leased, found.on_failure) == (False, "local")
    text = "{per: ip, rate: 1/s, sync: leased, on_store_failure: deny}"
    document = read(text, store="redis://127.0.0.1/0")
    (found,) = document.routes[0].rate_limit
    assert (found.is_leased, found.on_failure, document.warnings) == (True, "deny", ())


def test_a_cost_that_the_answer_says():
    found = limit("{per: ip, rate: 9/s, cost: {response_header: X-Cost, default: 2, max: 100}}")
    assert (found.cost, found.cost_header, found.cost_max) == (2, "x-cost", 100)
    found = limit("{per: ip, rate: 9/s, burst: 7, cost: {response_header: X-Cost}}")
    assert (found.cost, found.cost_max) == (1, 7)
    assert limit("{per: ip, rate: 9/s, cost: 3}").cost_header == ""


def test_a_penalty():
    assert limit("{per: ip, rate: 9/s}").penalty is None
    assert limit("{per: ip, rate: 9/s, penalty: {after: 20, within: 1m, block: 10m}}").penalty == Penalty(20, 60, 600)


def test_the_same_limits_are_the_same_version():
    assert read("{per: ip, rate: 1/s}").version == read("{per: ip, rate: 1/s}").version
    assert read("{per: ip, rate: 1/s}").version != read("{per: ip, rate: 2/s}").version


def test_the_example_is_accepted_and_warns_of_nothing():
    document = load(EXAMPLE, env={})
    assert document.warnings == ()
    limits = {route.name: [each.name for each in route.rate_limit] for route in document.routes}
    assert limits == {
        "item": ["client"],
        "search": ["ip", "all-searches"],
        "tenant": ["param-tenant-ip"],
        "report": ["client"],
    }
