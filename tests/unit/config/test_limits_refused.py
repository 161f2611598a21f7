"""Limits that cannot be meant: each gets its place and words that help."""

# ruff: noqa: E501 (a table has a row a line)

import pytest

HEAD = "version: 1\nupstreams: {a: {targets: [http://h]}}\nauth: {k: {api_key: {stored: true}}}\n"


def route(limit: str, more: str = "") -> str:
    return f"{HEAD}routes: [{{name: r, match: {{path: '/{{item}}'}}, upstream: a{more}, rate_limit: {limit}}}]\n"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("{per: ip, rate: 100}", ["routes[0].rate_limit.rate", "a number needs its unit: `100/s`?"]),
        ("{per: ip, rate: '100'}", ["routes[0].rate_limit.rate", "a number needs its unit: `100/s`?"]),
        ("{per: ip, rate: 0/s}", ["routes[0].rate_limit.rate", "a whole number above zero"]),
        ("{per: ip, rate: 1.5/s}", ["a whole number above zero"]),
        ("{per: ip, rate: 1/w}", ["a rate such as 100/s"]),
        ("{per: ip, rate: 2000000/s}", ["more than 1,000,000 in a second"]),
        ("{per: ip, rate: 1/s, burst: 0}", ["routes[0].rate_limit.burst", "from 1 to"]),
        ("{per: ip, rate: 1/d, burst: 1000}", ["routes[0].rate_limit.burst", "more than a year"]),
        ("{per: ip, rate: 10/s, burst: 3, cost: 4}", ["routes[0].rate_limit.burst", "none would ever pass"]),
        ("{per: ip, rate: 1/s, cost: 2}", ["routes[0].rate_limit.rate", "none would ever pass"]),
        ("{per: ip, rate: 9/s, cost: 0}", ["routes[0].rate_limit.cost", "from 1 to"]),
        ("{per: ip, rate: 9/s, cost: {default: 2}}", ["routes[0].rate_limit.cost", "response_header"]),
        ("{per: ip, rate: 9/s, cost: {response_header: X Cost}}", ["cost.response_header", "a header name"]),
        ("{per: ip, rate: 9/s, cost: {response_header: X, default: 4, max: 3}}", ["cost.max", "4 is taken before"]),
        ("{per: ip, rate: 9/s, cost: {response_header: X, default: 10}}", ["none would ever pass"]),
        ("{per: ip, rate: 1/d, cost: {response_header: X, max: 400}}", ["cost.max", "more than a year"]),
        ("{per: ip, rate: 9/s, cost: {response_header: X, most: 3}}", ["cost.most", "unknown key"]),
        ("{per: ip, rate: 9/s, penalty: {after: 10, within: 1m}}", ["routes[0].rate_limit.penalty", "block"]),
        ("{per: ip, rate: 9/s, penalty: {after: 0, within: 1m, block: 1m}}", ["penalty.after", "from 1 to"]),
        ("{per: ip, rate: 9/s, penalty: {after: 9, within: 1m, block: 0s}}", ["penalty.block", "longer than zero"]),
        ("{per: ip, rate: 9/s, penalty: {after: 9, within: 9000h, block: 1m}}", ["penalty.within", "more than a year"]),
        ("{per: ip, rate: 9/s, mode: shadow, penalty: {after: 9, within: 1m, block: 1m}}", ["rate_limit.penalty", "refuses nobody"]),
        ("[{per: ip, rate: 9/s, on_store_failure: refuse}]", ["rate_limit[0].on_store_failure", "`deny`"]),
        ("{per: clinet, rate: 1/s}", ["routes[0].rate_limit.per", "did you mean `client`?"]),
        ("{per: user, rate: 1/s}", ["it is one of all, route, client, ip, claim:tenant"]),
        ("{per: 'claims:x', rate: 1/s}", ["is no part of a key"]),
        ("{per: [], rate: 1/s}", ["routes[0].rate_limit.per"]),
        ("{per: [ip, ip], rate: 1/s}", ["routes[0].rate_limit.per[1]", "there twice"]),
        ("{per: [ip, all], rate: 1/s}", ["`all` makes no difference"]),
        ("{per: 'header:X Y', rate: 1/s}", ["no header name"]),
        ("{per: 'claim:tenant', rate: 1/s}", ["a claim cannot be known here", "the route has no `auth`"]),
        ("{per: ip, rate: 1/s, plans: {by: 'claim:p', gold: {rate: 2/s}}}", ["rate_limit.plans.by", "the route has no `auth`"]),
        ("{per: 'param:itme', rate: 1/s}", ["is no parameter of the path", "did you mean `item`?"]),
        ("[{per: ip, rate: 1/s}, {per: ip, rate: 60/m}]", ["routes[0].rate_limit[1]", "two limits named ip", "give it a `name`"]),
        ("{rate: 1/s}", ["per"]),
        ("{per: ip}", ["rate"]),
        ("{per: ip, rate: 1/s, mode: dry}", ["routes[0].rate_limit.mode", "`enforce` or `shadow`"]),
        ("{per: ip, rate: 1/s, brust: 3}", ["brust", "did you mean `burst`?"]),
        ("[]", ["routes[0].rate_limit"]),
    ],
)  # fmt: skip
def test_a_limit_of_a_route(complaints, limit, expected):
    (found,) = complaints(route(limit))
    for words in expected:
        assert words in found


@pytest.mark.parametrize(
    ("plans", "expected"),
    [
        ("{gold: {rate: 5/s}}", ["by"]),
        ("{by: 'claim:p'}", ["there is no plan"]),
        ("{by: 'header:X', gold: {rate: 5/s}}", ["is no claim", "callers choose all else"]),
        ("{by: 'claim:p', gold: {rate: 2}}", ["plans.gold.rate", "needs its unit"]),
        ("{by: 'claim:p', gold: {rate: 2/s}}", ["plans.gold.rate", "none would ever pass"]),
    ],
)
def test_plans(complaints, plans, expected):
    (found,) = complaints(route(f"{{per: client, rate: 9/s, cost: 3, plans: {plans}}}", ", auth: k"))
    for words in expected:
        assert words in found


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("[{per: all, rate: 1/s}]", ["rate_limits[0]", "name"]),
        ("[{name: a, per: 'param:item', rate: 1/s}]", ["no parameter of a path", "write it on the route"]),
        ("[{name: a, per: all, rate: 1/s}, {name: a, per: ip, rate: 1/s}]", ["rate_limits[1].name", "two limits named a"]),
        ("[{name: a, per: all, rate: 1/s, penalty: 5}]", ["rate_limits[0].penalty", "a mapping"]),
    ],
)  # fmt: skip
def test_a_limit_for_every_request(complaints, limits, expected):
    (found,) = complaints(f"{HEAD}rate_limits: {limits}\nroutes: [{{name: r, match: {{path: /}}, upstream: a}}]\n")
    for words in expected:
        assert words in found
