"""Targets that fail in every way, over real processes and two workers: who asks hardly notices."""

import math
import time

import pytest

from tests.support.chaos import DETECTED, FAULTS, TOTAL, resilient, stage
from tests.support.gateway import wait_until
from tests.support.steady import at, share_ok

pytestmark = pytest.mark.timed

RATE = 200
#: seconds that this machine's own hiccups may add to what a client waits
SLACK = 0.5


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    with stage(tmp_path_factory.mktemp("chaos"), resilient("round_robin")) as made:
        yield made


@pytest.mark.parametrize("fault", FAULTS)
def test_one_of_three_targets_fails(three, fault):
    three.settle()
    victim = three.upstreams[0]
    victim.seen()
    failed: list[float] = []

    def fail():
        three.fail(victim, fault)
        failed.append(time.monotonic())

    _, asked = three.run(RATE, 4.0, (0.5, fail))
    if fault != "kill":
        assert any(each > failed[0] for each in victim.seen()), "the fault was met"
    three.heal(victim, fault)
    later = [each for each in asked if each.due > failed[0] + DETECTED]
    print(fault, f"{share_ok(asked):.4%} ok, {share_ok(later):.4%} later, slowest {at(1.0, asked):.3f} s")
    assert share_ok(later) >= 0.999, [each for each in later if each.status != 200]
    assert share_ok(asked) >= 0.8
    assert at(1.0, asked) <= TOTAL + SLACK


def test_all_targets_die_and_come_back(three):
    three.settle()
    for upstream in three.upstreams:
        upstream.kill()
    _, asked = three.run(RATE, 3.0)
    assert share_ok(asked) == 0.0
    assert at(1.0, asked) <= TOTAL + SLACK
    for upstream in three.upstreams:
        upstream.start()
    back = time.monotonic()
    _, asked = three.run(RATE, 4.0)
    later = [each for each in asked if each.due > back + 2.0]
    served = [each.due for each in asked if each.status != 200]
    print(f"full service {max(served, default=back) - back:.2f} s after they were back")
    assert share_ok(later) == 1.0


@pytest.mark.parametrize("mode", ["503", "reset"])
def test_a_dying_upstream_is_not_stormed(tmp_path, mode):
    retry = "    retry: {attempts: 3, on: [connect, reset, 503], budget: 20%, backoff: 5ms}\n"
    with stage(tmp_path, retry) as made:
        for upstream in made.upstreams:
            upstream.set(mode)
        _, asked = made.run(RATE, 4.0)
        came = sum(len(upstream.seen()) for upstream in made.upstreams)
    print(f"{mode}: {len(asked)} requests became {came}: {came / len(asked) - 1:.1%} more")
    assert share_ok(asked) == 0.0
    assert len(asked) < came <= len(asked) * 1.25


def test_a_half_open_circuit_lets_few_through(tmp_path):
    breaker = "    circuit_breaker: {failure_rate: 50%, window: 2s, min_requests: 10, open_for: 500ms, half_open: 3}\n"
    with stage(tmp_path, breaker, count=1) as made:
        (upstream,) = made.upstreams
        upstream.set("500")
        load = made.load(RATE, 5.0)
        try:
            wait_until(lambda: not made.is_calm(), "the circuit opens")
            began = time.monotonic()
            upstream.seen()
            time.sleep(1.6)
            failing, took = upstream.seen(), time.monotonic() - began
            upstream.set("slow")
            wait_until(made.is_calm, "the circuit closes")
            arrived = upstream.seen()
        finally:
            asked = load.result()
    refused = [each for each in asked if each.status == 503]
    print(f"{len(failing)} probes while it failed, {len(arrived)} until it had closed")
    assert at(0.5, refused) < 0.1, "an open circuit answers by itself"
    assert 1 <= len(failing) <= 3 * math.ceil(took / 0.5)
    assert len([each for each in arrived if each < arrived[0] + 0.25]) <= 3
    assert share_ok([each for each in asked if each.due > asked[-1].due - 0.5]) == 1.0
