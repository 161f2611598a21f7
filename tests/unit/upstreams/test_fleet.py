"""Which targets may be used, whose turn it is, and what answers say of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway import errors
from gateway.errors import GatewayError, Kind
from gateway.upstream import override
from gateway.upstream.balance.balancers import RoundRobin
from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience import health_check as health
from gateway.upstream.resilience import outlier
from gateway.upstream.target_state import TargetStateTable
from gateway.upstream.targets import FAILURE_COUNTS, FAILURE_LEAST, FAILURE_MOST, LOOK, Target, TargetFilters, TargetSet
from tests.exchanges import exchange

BREAKER = breaker.CircuitBreakerPolicy(500_000, 0, 1_000_000, 10_000, 4, 1_000, 2, 5_000)
OUTLIER = outlier.OutlierPolicy(3, 1_000, 1_000_000)
NOW = 1_000_000
Make = Callable[..., TargetSet]


@pytest.fixture
def make() -> Make:
    """make(weights, …) -> a fleet of them in a region of its own."""
    region = TargetStateTable.private()

    def fleet(*weights: int, **guards: Any) -> TargetSet:
        rules = guards.get("breaker")
        targets = [
            Target(f"t{number}", None, region.target("catalog", f"t{number}"), weight, rules)
            for number, weight in enumerate(weights)
        ]
        return TargetSet("catalog", RoundRobin(0, lambda: 0.5), targets, TargetFilters(**guards))

    return fleet


def picked(fleet: TargetSet, times: int = 12, now: int = NOW, **more: Any) -> set[str]:
    return {fleet.pick(exchange(), now, **more)[0].address for _ in range(times)}


def kind(fleet: TargetSet, now: int = NOW) -> Kind:
    with pytest.raises(GatewayError) as caught:
        fleet.pick(exchange(), now)
    return caught.value.kind


def test_no_target(make: Make):
    assert kind(make()) is errors.NO_TARGET


def test_targets_are_replaced_between_two_picks(make: Make):
    fleet, other = make(2, 1), make(1)
    first, _ = fleet.pick(exchange(), NOW)
    before = fleet.targets
    assert fleet.targets is before, "what follows from them may be kept"
    fleet.replace(other.targets)
    assert first in before and picked(fleet) == {"t0"}
    fleet.replace(())
    assert kind(fleet) is errors.NO_TARGET


def test_what_may_be_picked_is_the_same_tuple_until_something_changes(make: Make):
    fleet = make(1, 1)
    eligible = fleet.look(NOW)
    assert fleet.look(NOW + 10 * LOOK) is eligible
    fleet.targets[0].state.override.store(override.word(override.NONE, 7))
    assert fleet.look(NOW + 20 * LOOK) is not eligible


@pytest.mark.parametrize("mode", [override.DRAIN, override.DISABLE])
def test_drained_and_disabled_targets_get_nothing_new(make: Make, mode: int):
    fleet = make(1, 1)
    fleet.targets[0].state.override.store(override.word(mode))
    assert picked(fleet) == {"t1"}
    fleet.targets[1].state.override.store(override.word(mode))
    assert kind(fleet, NOW + LOOK) is errors.NO_TARGET
    fleet.targets[0].state.override.store(0)
    assert picked(fleet, now=NOW + 2 * LOOK) == {"t0"}


def test_panic_does_not_bring_drained_targets_back(make: Make):
    fleet = make(1, 1, is_checked=True, panic=0.5)
    fleet.targets[0].state.override.store(override.word(override.DRAIN))
    fleet.targets[1].state.health.store(health.DOWN)
    assert picked(fleet) == {"t1"}


def test_a_weight_by_hand_takes_the_configured_ones_place(make: Make):
    fleet = make(1, 1)
    fleet.targets[0].state.override.store(override.word(override.NONE, 3))
    counts = [fleet.pick(exchange(), NOW)[0].address for _ in range(40)].count("t0")
    assert fleet.targets[0].weight == 3 and counts == 30


def test_what_is_down_is_left_out_once_somebody_has_looked(make: Make):
    fleet = make(1, 1, is_checked=True)
    assert picked(fleet) == {"t0", "t1"}
    fleet.targets[0].state.health.store(health.DOWN)
    assert picked(fleet, now=NOW + LOOK) == {"t1"}


def test_without_checks_an_old_opinion_does_not_count(make: Make):
    fleet = make(1, 1)
    fleet.targets[0].state.health.store(health.DOWN)
    assert picked(fleet) == {"t0", "t1"}


def test_with_too_few_all_are_used(make: Make):
    fleet = make(1, 1, 1, is_checked=True, panic=0.5)
    for target in fleet.targets[:2]:
        target.state.health.store(health.DOWN)
    assert picked(fleet) == {"t0", "t1", "t2"} and fleet.is_in_panic
    fleet.targets[0].state.health.store(health.UP)
    assert picked(fleet, now=NOW + LOOK) == {"t0", "t2"} and not fleet.is_in_panic


def test_failures_in_a_row_leave_a_target_out_for_a_while(make: Make):
    fleet = make(1, 1, outlier=OUTLIER)
    bad = fleet.targets[0]
    for _ in range(OUTLIER.consecutive):
        assert picked(fleet) == {"t0", "t1"}
        fleet.observe(bad, breaker.FREE, 500, 0.01, NOW)
    assert picked(fleet) == {"t1"}, "what this worker finds is seen at once"
    assert picked(fleet, now=NOW + OUTLIER.eject_for) == {"t0", "t1"}
    assert bad.state.since.load() == NOW + OUTLIER.eject_for, "its slow start begins then"


def test_a_good_answer_ends_the_row(make: Make):
    fleet = make(1, 1, outlier=OUTLIER)
    for status in (500, 502, 200, 503, 500):
        fleet.observe(fleet.targets[0], breaker.FREE, status, 0.01, NOW)
    assert picked(fleet) == {"t0", "t1"}


def test_no_more_than_a_share_is_left_out(make: Make):
    fleet = make(1, 1, 1, 1, outlier=replace(OUTLIER, max_ejected=500_000))
    for target in fleet.targets:
        for _ in range(5):
            fleet.observe(target, breaker.FREE, errors.UPSTREAM_REFUSED, 0.01, NOW)
    assert picked(fleet) == {"t2", "t3"}


def test_a_circuit_of_a_target_opens_probes_and_closes(make: Make):
    fleet = make(1, 1, breaker=BREAKER)
    bad = fleet.targets[0]
    for _ in range(BREAKER.min_requests):
        fleet.observe(bad, breaker.FREE, 500, 0.01, NOW)
    assert picked(fleet) == {"t1"}
    later = NOW + BREAKER.open_for
    probes = [ticket for target, ticket in (fleet.pick(exchange(), later) for _ in range(20)) if target is bad]
    assert len(probes) == BREAKER.half_open and all(probes)
    assert picked(fleet, now=later) == {"t1"}
    fleet.give_up(bad, probes[0])
    later += LOOK
    again = [ticket for target, ticket in (fleet.pick(exchange(), later) for _ in range(20)) if target is bad]
    assert len(again) == 1, "a probe without a verdict may be made again"
    for ticket in (probes[1], *again):
        fleet.observe(bad, ticket, 200, 0.01, later)
    assert picked(fleet, now=later) == {"t0", "t1"} and bad.state.since.load() == later


def test_in_panic_no_circuit_of_a_target_holds_anything_back(make: Make):
    fleet = make(1, 1, 1, breaker=BREAKER, panic=0.5)
    for target in fleet.targets[:2]:
        target.state.breaker.store(breaker.trip(0, NOW, (9, 9, 0), BREAKER))
    tickets = {fleet.pick(exchange(), NOW) for _ in range(9)}
    assert tickets == {(target, breaker.FREE) for target in fleet.targets} and fleet.is_in_panic


def test_a_probe_that_another_worker_took_leads_elsewhere(make: Make):
    fleet = make(1, 1, breaker=BREAKER)
    fleet.look(NOW)
    for target in fleet.targets[:1]:  # another worker: this one has looked, and does not know yet
        target.state.breaker.store(breaker.trip(0, NOW, (9, 9, 0), BREAKER))
    assert picked(fleet, now=NOW + 1) == {"t1"}
    assert picked(fleet, now=NOW + 1, tried=(fleet.targets[1],)) == {"t1"}, "rather a second time than where none may"


def test_when_nobody_admits_the_circuit_is_open(make: Make):
    fleet = make(1, 1, breaker=BREAKER)
    fleet.look(NOW)
    for target in fleet.targets:
        target.state.breaker.store(breaker.trip(0, NOW, (9, 9, 0), BREAKER))
    with pytest.raises(GatewayError) as caught:
        fleet.pick(exchange(), NOW + 1)
    assert caught.value.kind is errors.CIRCUIT_OPEN and dict(caught.value.headers) == {"Retry-After": "1"}


def test_late_news_of_a_target_that_was_left_out_does_not_make_it_slow(make: Make):
    target = (fleet := make(1, 1, outlier=OUTLIER)).targets[0]
    for _ in range(OUTLIER.consecutive + 1):
        fleet.observe(target, breaker.FREE, 500, 5.0, NOW)
    assert target.state.latency(NOW) == 0.0 and target.state.since.load() == NOW + OUTLIER.eject_for


def test_one_failure_does_not_keep_all_requests_away(make: Make):
    (target,) = (fleet := make(1)).targets
    fleet.observe(target, breaker.FREE, 200, 0.1, NOW)
    fleet.observe(target, breaker.FREE, 500, 0.001, NOW)
    assert target.state.latency(NOW) == pytest.approx(FAILURE_COUNTS * 0.1)


def test_a_target_that_fails_fast_does_not_look_fast(make: Make):
    (target,) = (fleet := make(1)).targets
    fleet.observe(target, breaker.FREE, 200, 0.0, NOW)
    assert not target.state.latency(NOW), "nothing is told of how long it took"
    fleet.observe(target, breaker.FREE, 500, 0.001, NOW)
    assert target.state.latency(NOW) >= FAILURE_LEAST
    fleet.observe(target, breaker.FREE, 200, 0.1, NOW)
    fleet.observe(target, breaker.FREE, errors.UPSTREAM_RESET, 0.001, NOW)
    assert 0.1 < target.state.latency(NOW) <= FAILURE_MOST
