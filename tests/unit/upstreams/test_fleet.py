"""Whose turn it is."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import errors
from gateway.errors import GatewayError
from gateway.upstreams.fleet import LONGEST_ROTATION, Fleet, Target, rotation


def fleet(*weights: int) -> Fleet:
    return Fleet("catalog", [Target(f"t{index}", None, weight) for index, weight in enumerate(weights)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("weights", "turns"),
    [
        ((), ()),
        ((1,), (0,)),
        ((7,), (0,)),
        ((1, 1), (0, 1)),
        ((5, 1, 1), (0, 0, 1, 0, 2, 0, 0)),
        ((2, 4), (1, 0, 1)),
        ((0, 3), (1,)),
        ((0, 0), ()),
    ],
)
def test_rotation(weights: tuple[int, ...], turns: tuple[int, ...]):
    assert rotation(weights) == turns


@given(st.lists(st.integers(0, 60), max_size=8))
def test_a_round_is_fair_and_smooth(weights: list[int]):
    turns = rotation(weights)
    total = sum(weights)
    for index, count in Counter(turns).items():
        assert count * total == weights[index] * len(turns)
    assert set(turns) == {index for index, weight in enumerate(weights) if weight}
    for index in set(turns):
        share = weights[index] / total
        for end in range(1, len(turns) + 1):
            assert abs(turns[:end].count(index) - end * share) < len(weights), "nobody is far ahead or behind"


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=6))
def test_a_round_is_never_long(weights: list[int]):
    turns = rotation(weights)
    assert len(turns) <= LONGEST_ROTATION + len(weights)
    assert set(turns) == set(range(len(weights)))


def test_picks_round_and_round():
    targets = fleet(2, 1)
    assert [targets.pick().address for _ in range(7)] == ["t0", "t1", "t0", "t0", "t1", "t0", "t0"]


@pytest.mark.parametrize("weights", [(), (0,), (0, 0)])
def test_no_target(weights: tuple[int, ...]):
    with pytest.raises(GatewayError) as caught:
        fleet(*weights).pick()
    assert caught.value.kind is errors.NO_TARGET


def test_targets_are_replaced_between_two_picks():
    targets = fleet(2, 1)
    first = targets.pick()
    before = targets.targets
    assert targets.targets is before, "what follows from them may be kept"
    targets.replace([Target("t9", None)])  # type: ignore[arg-type]
    assert first in before and targets.targets != before
    assert {targets.pick().address for _ in range(3)} == {"t9"}
    targets.replace([])
    with pytest.raises(GatewayError):
        targets.pick()
