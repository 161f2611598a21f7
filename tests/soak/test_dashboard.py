"""Three viewers for ten minutes: no effect on p99 that could be measured, a tenth of a core at most, flat memory."""

from __future__ import annotations

import pytest

from tests.soak.figures import keep
from tests.support.steady import at
from tests.support.watched import ROUTES, VIEWERS, watch

SECONDS, RATE = 600.0, 500.0
CORE = 0.10
SLOPE = 1 << 20
#: what two runs without viewers differ by
NOISE = 0.002
pytestmark = pytest.mark.soak


def test_three_viewers_for_ten_minutes(tmp_path):
    found = watch(tmp_path, SECONDS, RATE)
    rows = {
        "requests a second, routes, viewers": f"{RATE:g}, {ROUTES}, {len(VIEWERS)}",
        "p50, p99 without viewers": f"{at(0.5, found.alone) * 1e3:.2f} ms, {found.p99(found.alone) * 1e3:.2f} ms",
        "p50, p99 with viewers": f"{at(0.5, found.seen) * 1e3:.2f} ms, {found.p99(found.seen) * 1e3:.2f} ms",
        "the observer's share of a core without viewers, with them": f"{found.idle[0]:.1%}, {found.busy[0]:.1%}",
        "the whole gateway's without viewers, with them": f"{found.idle[1]:.1%}, {found.busy[1]:.1%}",
        "the observer's memory grew by, of that the history": " KB, ".join(
            f"{each / 1024:.0f}" for each in found.grown
        ),
        "events that each viewer got, at least": found.events,
    }
    keep("dashboard", "Three viewers of the dashboard for ten minutes", rows)
    assert {each.status for each in found.alone + found.seen} == {200}
    assert found.events >= 0.9 * SECONDS
    assert found.p99(found.seen) <= found.p99(found.alone) * 1.1 + NOISE, rows
    assert found.busy[1] - found.idle[1] <= CORE, rows
    assert found.grown[0] - max(0, found.grown[1]) < SLOPE, rows
