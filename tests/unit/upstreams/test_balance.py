"""The balancers that go by weight and load."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.upstream.balance.balancers import LeastRequests, PowerOfTwoChoices, RandomBalancer, RoundRobin, make
from gateway.upstream.balance.options import Balance
from tests.unit.upstreams.balancing import ANY, State, Target, dice, drawn, targets

KINDS = [RoundRobin, RandomBalancer, LeastRequests, PowerOfTwoChoices]
WEIGHTS = [(1, 1, 1), (1, 2, 3), (5, 1, 1), (1,), (0.5, 1.5), (7,) * 5]


def shares(weights) -> list[float]:
    return [weight / sum(weights) for weight in weights]


@pytest.mark.thorough
@pytest.mark.parametrize("weights", WEIGHTS, ids=lambda weights: "-".join(map(str, weights[:4])))
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_thousand_picks_are_within_two_percent_of_the_weights(kind, weights):
    found = drawn(kind(0, dice()), targets(*weights))
    assert found == pytest.approx(shares(weights), rel=0.02)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_of_the_eligible_ones_each_still_has_its_share(kind):
    all_of_them = targets(1, 2, 3, 4)
    balancer = kind(0, dice())
    drawn(balancer, all_of_them, 1000)
    few = all_of_them[1:3]
    assert drawn(balancer, few) == pytest.approx(shares((2, 3)), rel=0.02)
    assert drawn(balancer, all_of_them) == pytest.approx(shares((1, 2, 3, 4)), rel=0.02)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_tried_is_left_out(kind):
    eligible = targets(1, 2, 3, 4)
    found = drawn(kind(0, dice()), eligible, tried=(eligible[0], eligible[3]))
    assert found == pytest.approx([0, 0.4, 0.6, 0], rel=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_when_all_were_tried_it_is_one_of_them_again(kind):
    eligible = targets(1, 1)
    assert set(Counter(kind(0, dice()).pick(eligible, ANY, 0, eligible) for _ in range(50))) <= set(eligible)
    alone = targets(1)
    assert kind(0, dice()).pick(alone, ANY, 0, alone) is alone[0]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), st.integers(0, 99))
def test_turns_come_evenly(weights, seed):
    """Nobody is ever further ahead of its share, or behind, than by one turn for each of the others."""
    eligible, balancer, counts = targets(*weights), RoundRobin(0, dice(seed)), Counter()
    for end in range(1, 4 * sum(weights)):
        counts[balancer.pick(eligible, ANY, 0)] += 1
        for target, share in zip(eligible, shares(weights), strict=True):
            assert abs(counts[target] - end * share) < len(weights) + 1


def test_a_heavy_target_does_not_come_in_a_row():
    eligible, balancer = targets(3, 3, 1), RoundRobin(0, dice())
    picks = [balancer.pick(eligible, ANY, 0) for _ in range(700)]
    assert not any(one is two is three for one, two, three in zip(picks, picks[1:], picks[2:], strict=False))


def test_workers_begin_at_different_targets():
    eligible = targets(*[1] * 10)
    firsts = Counter(RoundRobin(0, dice(worker)).pick(eligible, ANY, 0) for worker in range(1000))
    assert all(50 < firsts[target] < 150 for target in eligible)


def test_a_retry_takes_no_turn_away():
    eligible, balancer = targets(1, 1, 1), RoundRobin(0, lambda: 0.5)
    first = balancer.pick(eligible, ANY, 0)
    assert first is eligible[0]
    assert balancer.pick(eligible, ANY, 0, (eligible[1],)) is eligible[2]
    assert balancer.pick(eligible, ANY, 0) is eligible[1], "it was passed over, its turn is not lost"


def test_turns_stay_even_while_targets_come_and_go():
    eligible, balancer, counts = targets(*[1] * 6), RoundRobin(0, dice()), Counter()
    for start in range(600):
        some = tuple(eligible[(start + n) % 6] for n in range(5))
        counts.update(balancer.pick(some, ANY, 0) for _ in range(10))
    assert [counts[target] / 6000 for target in eligible] == pytest.approx([1 / 6] * 6, rel=0.05)


def test_the_least_loaded_for_its_weight():
    one, two, three = eligible = targets(1, 2, 4)
    one.state.now, two.state.now, three.state.now = 1, 1, 3
    assert LeastRequests(0, dice()).pick(eligible, ANY, 0) is two
    two.state.now = 2
    assert LeastRequests(0, dice()).pick(eligible, ANY, 0) is three
    three.state.now = 4
    assert drawn(LeastRequests(0, dice()), eligible) == pytest.approx(shares((1, 2, 4)), rel=0.02)
    assert LeastRequests(0, lambda: 1 - 2**-53).pick(eligible, ANY, 0) is three


def two_choices(one: tuple[float, float, int], two: tuple[float, float, int]) -> Target:
    """The better of two targets, each (weight, seconds, requests)."""
    pair = []
    for name, (weight, seconds, requests) in zip("ab", (one, two), strict=True):
        state = State(seconds)
        state.now = requests
        pair.append(Target(name, weight, state))
    chosen = {PowerOfTwoChoices(0, dice(seed)).pick(tuple(pair), ANY, 0) for seed in range(40)}
    return chosen.pop().address if len(chosen) == 1 else "either"


@pytest.mark.parametrize(
    ("one", "two", "better"),
    [
        ((1, 0.01, 0), (1, 0.01, 0), "either"),
        ((1, 0.01, 0), (1, 0.1, 0), "a"),
        ((1, 0.01, 8), (1, 0.1, 0), "a"),
        ((1, 0.01, 11), (1, 0.1, 0), "b"),
        ((1, 0.01, 1), (1, 0.01, 0), "b"),
        ((1, 0.01, 4), (9, 0.01, 20), "b"),
        ((1, 0.01, 2), (9, 0.01, 20), "a"),
        # Not known yet: by its requests alone, whatever the other takes.
        ((1, 0.0, 0), (1, 0.001, 1), "a"),
        ((1, 0.0, 2), (1, 5.0, 1), "b"),
        ((1, 0.0, 0), (1, 0.001, 0), "either"),
        ((1, 0.0, 1), (1, 0.0, 0), "b"),
    ],
)
def test_the_shorter_wait_of_two(one, two, better):
    assert two_choices(one, two) == better


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=6), st.lists(st.sampled_from([0.0, 0.5, 1 - 2**-53])))
def test_no_weights_and_no_chance_lead_astray(weights, chances):
    eligible = targets(*weights)
    for kind in KINDS:
        left = iter(chances)
        assert kind(0, lambda left=left: next(left, 0.25)).pick(eligible, ANY, 0) in eligible


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("round_robin", RoundRobin),
        ("random", RandomBalancer),
        ("least_requests", LeastRequests),
        ("p2c", PowerOfTwoChoices),
    ],
)
def test_made_as_the_configuration_says(name, kind):
    made = make(Balance(name), "catalog")
    assert type(made) is kind
    assert made.answered is None
