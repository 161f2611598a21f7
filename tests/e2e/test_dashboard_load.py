"""Three viewers while there is load, in short: requests take as long as before, and the observer works little."""

from __future__ import annotations

from tests.support.watched import watch

SECONDS, RATE = 4.0, 100.0


def test_three_viewers_are_not_felt(tmp_path):
    found = watch(tmp_path, SECONDS, RATE)
    assert {each.status for each in found.alone + found.seen} == {200}
    assert found.events >= 4
    # How long requests take is held by tests/soak/test_dashboard.py: here other tests run beside this one.
    assert found.busy[0] - found.idle[0] < 0.25
    assert found.grown[0] < 20 << 20
