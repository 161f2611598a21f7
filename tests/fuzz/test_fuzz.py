"""The fuzzing of the connection loop in its short form; `make fuzz` for hours."""

from __future__ import annotations

from tests.fuzz.arena import run
from tests.fuzz.mutate import corpus

SEED = 20261124


def test_for_five_seconds() -> None:
    score = run(5.0, SEED)
    assert score.wrong == []
    assert score.cases > len(corpus()) >= 30
    assert {200, 400, 413, 414, 417, 431, 501, 505} <= set(score.statuses)
