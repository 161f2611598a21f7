"""limit: who is let in, what is given back, what answers tell; on buckets of real memory."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.contracts import Step
from gateway.errors import RATE_LIMITED, GatewayError
from gateway.exchange import Response
from gateway.pipeline import run
from gateway.ratelimit import policy
from gateway.ratelimit.limit import Limit
from gateway.ratelimit.options import NANOS, Penalty, Rate, RateLimit
from gateway.ratelimit.penalty import Penalty as Times
from gateway.ratelimit.penalty import blocked_for, kind_of, strike, unblock
from gateway.ratelimit.runtime import RateLimitRuntime
from tests.exchanges import exchange, route
from tests.support.drawing import examples

# ruff: noqa: E501 (a table has a row a line)

TWO_AT_ONCE = Rate(10, 1, 2)


class Place:
    """Limits with a clock of ours."""

    def __init__(self) -> None:
        self.limiting = RateLimitRuntime.private()
        self.now = 10**15

    def limit(self, name: str = "n", per: tuple[str, ...] = ("all",), rate: Rate = TWO_AT_ONCE, **more: Any) -> Limit:
        known = {"cost": 1, "is_shadow": False, "plan_claim": "", "plans": (), "legacy": False, "where": "f:1"} | more
        return Limit(RateLimit(name, per, rate, **known), f"routes/r/{name}", "r", self.limiting.keys)

    def steps(self, *limits: Limit, tells: bool = True):
        return policy.compile(
            limits, self.limiting.page, tells=tells, clock=lambda: self.now, spenders=self.spenders(limits)
        )

    def spenders(self, limits: tuple[Limit, ...]) -> frozenset[str]:
        return frozenset(limit.spender for limit in limits if limit.spender)

    def ask(self, *limits: Limit, **known: Any) -> Response:
        return run(self.through(exchange(**known), *limits), self.route)

    def through(self, made, *limits: Limit):
        self.route = route(steps=(Step("limit", "f:1", self.steps(*limits)),))
        return made

    def admitted(self, times: int, *limits: Limit, **known: Any) -> int:
        return sum(self.ask(*limits, **known).status == 200 for _ in range(times))

    def left(self, limit: Limit, **known: Any) -> int:
        number, pace = limit.bucket(exchange(**known))
        return self.limiting.buckets.left(number, pace.interval, pace.tolerance, self.now)[0]


@pytest.fixture
def place() -> Place:
    return Place()


def caller(subject: str, provider: str = "staff", **claims: Any) -> Any:
    return SimpleNamespace(provider=provider, subject=subject, claims=claims)


def test_a_burst_and_then_the_rate(place):
    limit = place.limit(rate=Rate(10, 1, 2))
    assert place.admitted(5, limit) == 2
    place.now += NANOS // 10
    assert place.admitted(5, limit) == 1
    place.now += 60 * NANOS
    assert place.admitted(5, limit) == 2


@examples(50)
@given(st.lists(st.integers(0, NANOS // 2), min_size=1, max_size=80), st.integers(1, 50), st.integers(1, 5))
def test_never_more_than_the_burst_and_the_rate_in_any_window(gaps, count, burst):
    place = Place()
    limit = place.limit(rate=Rate(count, 1, burst))
    let_in = []
    for gap in gaps:
        place.now += gap
        if place.admitted(1, limit):
            let_in.append(place.now)
    for at, first in enumerate(let_in):
        for number, last in enumerate(let_in[at:], 1):
            assert number <= burst + (last - first) * count / NANOS + 1e-6


def test_the_refusal(place):
    limit = place.limit("slow", rate=Rate(1, 60, 1))
    place.ask(limit)
    place.now += 500_000_000
    made = place.through(exchange(), limit)
    response = run(made, place.route)
    fields = dict(response.headers)
    assert (
        response.status == 429 and made.error == "rate-limited" and fields["Content-Type"] == "application/problem+json"
    )
    assert (fields["Retry-After"], fields["RateLimit"]) == ("60", '"slow";r=0;t=60'), "59.5 s, rounded up"
    assert fields["RateLimit-Policy"] == '"slow";q=1;w=60'
    assert [name for name, _ in response.headers].count("RateLimit") == 1
    assert b"slow" in response.body


def test_an_answer_tells_of_the_limit_with_the_fewest_requests_left(place):
    wide, narrow = place.limit("wide", rate=Rate(100, 1, 100)), place.limit("narrow", rate=Rate(5, 1, 10))
    fields = dict(place.ask(wide, narrow).headers)
    assert fields == {"RateLimit-Policy": '"narrow";q=5;w=1;gateway-burst=10', "RateLimit": '"narrow";r=9;t=1'}


def test_costs_are_told_in_requests(place):
    fields = dict(place.ask(place.limit(rate=Rate(10, 1, 10), cost=5)).headers)
    assert fields == {"RateLimit-Policy": '"n";q=2;w=1', "RateLimit": '"n";r=1;t=1'}


def test_the_fields_of_old(place):
    limit = place.limit(rate=Rate(10, 60, 3), legacy=True)
    fields = dict(place.ask(limit).headers)
    told = [fields[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")]
    assert told == ["3", "2", "6"]
    place.admitted(2, limit)
    assert dict(place.ask(limit).headers)["X-RateLimit-Remaining"] == "0"


def test_a_refused_request_takes_nothing_from_the_others(place):
    first, second, third = (
        place.limit(name, rate=Rate(1, 60, burst)) for name, burst in (("a", 5), ("b", 1), ("c", 5))
    )
    assert place.admitted(4, first, second, third) == 1
    assert [place.left(each) for each in (first, second, third)] == [4, 0, 4]


def test_a_refusal_of_the_second_step_gives_back_what_the_first_one_took(place):
    early, late = place.limit("early", rate=Rate(1, 60, 5)), place.limit("late", ("client",), Rate(1, 60, 1))
    steps = (Step("limit", "f:1", place.steps(early)), Step("limit-client", "f:1", place.steps(late, tells=False)))
    plan = route(steps=steps)
    answers = [run(exchange(), plan) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 429, 429]
    assert place.left(early) == 4
    assert dict(answers[0].headers)["RateLimit"].startswith('"late";r=0')
    assert [name for name, _ in answers[1].headers].count("RateLimit") == 1


def test_between_taking_and_giving_back_another_may_be_refused_that_has_a_place_later(place):
    first, second = place.limit("first", rate=Rate(1, 3600, 1)), place.limit("second", rate=Rate(1, 3600, 1))
    early, late = place.steps(first), place.steps(second, tells=False)
    late.on_request(exchange())  # the second limit is used up
    under_way = exchange()
    early.on_request(under_way)
    with pytest.raises(GatewayError, match="limit first"):
        early.on_request(exchange())  # it would be let in, had the one under way been refused already
    with pytest.raises(GatewayError, match="limit second"):
        late.on_request(under_way)
    assert place.left(first) == 1
    early.on_request(exchange())


def test_what_fails_behind_the_limit_has_taken(place):
    limit = place.limit(rate=Rate(1, 60, 2))

    def refuse(_):
        raise GatewayError(RATE_LIMITED)

    plan = route(steps=(Step("limit", "f:1", place.steps(limit)), Step("x", "f:1", policy.Steps(refuse))))
    assert "r=1" in dict(run(exchange(), plan).headers)["RateLimit"]
    assert place.left(limit) == 1


def test_a_shadow_refuses_nobody_tells_nothing_and_logs_a_line_a_second(place, caplog):
    shadow = place.limit("dark", rate=Rate(1, 60, 1), is_shadow=True)
    with caplog.at_level(logging.WARNING, "gateway"):
        assert place.admitted(4, shadow) == 4
        assert len(caplog.messages) == 1 and "dark (shadow) would have refused 1 more" in caplog.messages[0]
        place.now += NANOS
        place.ask(shadow)
    assert len(caplog.messages) == 2 and "refused 3 more" in caplog.messages[1]
    assert place.ask(shadow).headers == []


def test_what_a_shadow_took_is_given_back_by_a_refusal(place):
    shadow, real = place.limit("s", rate=Rate(1, 60, 9), is_shadow=True), place.limit("r", rate=Rate(1, 60, 1))
    assert place.admitted(5, shadow, real) == 1
    assert place.left(shadow) == 8


@pytest.mark.parametrize(
    ("per", "one", "same", "other"),
    [
        (("ip",), {"client": "192.0.2.1"}, {"client": "::ffff:192.0.2.1"}, {"client": "192.0.2.2"}),
        (("ip",), {"client": "2001:db8::1"}, {"client": "2001:db8::ffff:1"}, {"client": "2001:db8:0:1::1"}),
        (("ip",), {"client": ""}, {"client": ""}, {"client": "192.0.2.2"}),
        (("client",), {"caller": caller("a")}, {"caller": caller("a"), "client": "9.9.9.9"}, {"caller": caller("b")}),
        (("client",), {"caller": caller("a")}, {"caller": caller("a")}, {"caller": caller("a", "partners")}),
        (("client",), {"client": "192.0.2.1"}, {"client": "192.0.2.1"}, {"caller": caller("192.0.2.1", "ip")}),
        (("claim:t.id",), {"caller": caller("a", t={"id": 7})}, {"caller": caller("b", t={"id": 7})}, {"caller": caller("a", t={"id": 8})}),
        (("claim:t",), {}, {"caller": caller("a")}, {"caller": caller("a", t="x")}),
        (("header:x-p",), {"headers": [("X-P", "1")]}, {"headers": [("x-p", "1")]}, {"headers": [("X-P", "2")]}),
        (("header:x-p",), {}, {"headers": [("X-P", "")]}, {"headers": [("X-P", "2")]}),
        (("param:id",), {"params": {"id": "A"}}, {"params": {"id": "%41"}}, {"params": {"id": "B"}}),
        (("param:id", "header:x"), {"params": {"id": "a"}, "headers": [("x", "bc")]}, {"params": {"id": "a"}, "headers": [("x", "bc")]}, {"params": {"id": "ab"}, "headers": [("x", "c")]}),
    ],
)  # fmt: skip
def test_who_shares_a_bucket(place, per, one, same, other):
    limit = place.limit(per=per, rate=Rate(1, 3600, 1))
    assert place.admitted(1, limit, **one) == 1
    assert place.admitted(1, limit, **same) == 0
    assert place.admitted(2, limit, **other) == 1


def test_a_plan_chooses_the_rate_and_has_buckets_of_its_own(place):
    plans = (("gold", Rate(1, 60, 5)), ("free", Rate(1, 60, 2)))
    limit = place.limit(per=("client",), rate=Rate(1, 60, 1), plan_claim="plan", plans=plans)
    assert place.admitted(9, limit, caller=caller("a", plan="gold")) == 5
    assert place.admitted(9, limit, caller=caller("b", plan="free")) == 2
    assert place.admitted(9, limit, caller=caller("c", plan="else")) == 1
    assert place.admitted(9, limit, caller=caller("d")) == 1
    assert place.admitted(9, limit, caller=caller("a", plan="free")) == 2


def test_a_limit_of_the_same_name_goes_on_where_the_one_before_was(place):
    assert place.admitted(9, place.limit(rate=Rate(1, 60, 3))) == 3
    assert place.admitted(9, place.limit(rate=Rate(1, 60, 3))) == 0
    assert place.admitted(9, place.limit("m", rate=Rate(1, 60, 3))) == 3


def spending(place: Place, **more: Any) -> Limit:
    return place.limit(rate=Rate(1, 1, 10), cost_header="x-cost", cost_max=15, **more)


def costing(place: Place, limit: Limit, *fields: tuple[str, str]) -> Response:
    """An answer of an upstream that says what it cost."""
    made = route(steps=(Step("limit", "f:1", place.steps(limit)),), fetch=lambda _: Response(200, [*fields]))
    return run(exchange(), made)


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("4", 6),
        ("1", 9),
        ("0", 10),
        ("15", 0),
        ("999999999", 0),
        ("-3", 9),
        ("2.5", 9),
        ("", 9),
        ("1" * 30, 9),
        ("\u0664", 9),
    ],
)
def test_the_answer_says_what_a_request_cost(place, said, left):
    limit = spending(place)
    response = costing(place, limit, ("X-COST", said), ("Other", "1"))
    assert [name for name, _ in response.headers] == ["Other", "RateLimit-Policy", "RateLimit"], "it is for us alone"
    assert dict(response.headers)["RateLimit"].split(";")[1] == f"r={left}"
    assert place.left(limit) == left


def test_an_answer_that_does_not_say_it_costs_the_default(place):
    limit = spending(place, cost=3)
    costing(place, limit)
    assert place.left(limit) == 7


def test_a_cost_may_lead_into_debt_and_later_requests_wait(place):
    limit = spending(place)
    costing(place, limit, ("X-Cost", "15"))
    assert dict(place.ask(limit).headers)["Retry-After"] == "6"
    place.now += 6 * NANOS
    assert place.admitted(2, limit) == 1


def test_the_first_number_of_several_counts_and_all_are_taken_away(place):
    limit = spending(place)
    response = costing(place, limit, ("X-Cost", "?"), ("x-cost", "3"), ("X-Cost", "9"))
    assert place.left(limit) == 7 and len(response.headers) == 2


def test_a_penalty(place):
    limit = place.limit(rate=Rate(1, 1, 1), penalty=Penalty(3, 60.0, 600.0))
    kinds = []
    for _ in range(6):
        made = place.through(exchange(), limit)
        response = run(made, place.route)
        kinds.append(made.error)
    assert kinds == [None, "rate-limited", "rate-limited", "blocked", "blocked", "blocked"]
    assert dict(response.headers)["Retry-After"] == "600"
    place.now += 599 * NANOS
    assert dict(place.ask(limit).headers)["Retry-After"] == "1", "who goes on calling is not blocked for longer"
    place.now += NANOS
    assert place.admitted(3, limit) == 1, "and then begins anew"


def test_refusals_are_forgotten_evenly(place):
    limit = place.limit(rate=Rate(1, 3600, 1), penalty=Penalty(3, 60.0, 600.0))
    place.ask(limit)
    for _ in range(30):
        made = place.through(exchange(), limit)
        run(made, place.route)
        assert made.error == "rate-limited"
        place.now += 20 * NANOS


def test_who_is_blocked_takes_nothing_from_the_others_and_is_nobody_else(place):
    wide, narrow = (
        place.limit("w", rate=Rate(1, 60, 9)),
        place.limit("n", ("ip",), Rate(1, 60, 1), penalty=Penalty(1, 60.0, 600.0)),
    )
    assert place.admitted(5, wide, narrow) == 1
    assert place.left(wide) == 8
    assert place.admitted(1, wide, narrow, client="192.0.2.9") == 1


def test_two_workers_that_count_the_last_refusal_at_once_begin_one_block(place):
    buckets, now, times = place.limiting.buckets, place.now, Times(Penalty(1, 60.0, 600.0))

    class Slow:
        """One that the other worker overtakes before it has emptied the bucket of refusals."""

        debit, charge = buckets.debit, buckets.charge

        def reset(self, number):
            assert strike(buckets, 7, times, now) == times.block
            return buckets.reset(number)

    assert strike(Slow(), 7, times, now) == times.block
    assert blocked_for(buckets, 7, now) == times.block


def test_a_penalty_is_lifted_by_the_number_of_any_of_its_buckets(place):
    limit = place.limit(rate=Rate(1, 3600, 1), penalty=Penalty(1, 60.0, 600.0))
    assert place.admitted(5, limit) == 1
    numbers = [key for key, _ in place.limiting.buckets.top(9, place.now)]
    kinds = {kind_of(number, place.limiting.keys.name) for number in numbers}
    assert kinds == {("bucket", ("routes/r/n", "")), ("block", ("routes/r/n", ""))}
    for number in numbers:
        assert unblock(place.limiting.buckets, number)
        assert not unblock(place.limiting.buckets, number)
        assert place.admitted(5, limit) == 1
