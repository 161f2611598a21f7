"""What a pair of gateways goes through, at 2,000 requests a second for a minute (docs/availability.md)."""

from __future__ import annotations

import pytest

from perf.stats import percentile
from tests.soak.figures import keep
from tests.support.callers import Call
from tests.support.drill import Drill, Stage, drill

RATE, SECONDS, CALM = 2000.0, 60.0, 3.0
COUNTERS = {
    "requests that haproxy tried again": "wretr",
    "times that it saw a gateway go": "chkdown",
}
pytestmark = pytest.mark.soak


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_life_in_a_minute(tmp_path, mode):
    with drill(tmp_path, mode, CALM) as made:
        calls = made.run(RATE, SECONDS)
        counted = {what: made.balancer.counted(name) for what, name in COUNTERS.items()}
    failed = [call for call in calls if call.status != 200]
    lost = made.broken(failed)
    rows = {
        "requests": f"{len(calls):,} at {RATE:,.0f}/s",
        "failed, of those that may be sent twice (GET, PUT)": sum(call.is_idempotent for call in failed),
        "failed, of those that may not (POST, one in ten)": sum(not call.is_idempotent for call in failed),
        "of both, on their way to the gateway that was killed": len(lost),
        "answered, of all": f"{1 - len(failed) / len(calls):.5%}",
        **counted,
    }
    rows |= {_words(stage): _figures(made, stage, calls) for stage in made.stages}
    keep(
        f"availability-{mode}",
        f"Two gateways behind haproxy (mode {mode}), killed, rolled and upgraded under load",
        rows,
    )
    assert failed == lost, [call for call in failed if call not in lost][:10]
    assert mode == "tcp" or not any(call.is_idempotent for call in failed)
    assert len(lost) <= RATE / 10
    assert counted["times that it saw a gateway go"] == 3, "killed, and rolled twice: no upgrade shows at /readyz"


def _words(stage: Stage) -> str:
    return f"{stage.name}: seconds; p50, p99, slowest"


def _figures(made: Drill, stage: Stage, calls: list[Call]) -> str:
    took = sorted(call.seconds * 1e3 for call in calls if stage.began <= call.due < stage.ended)
    figures = ", ".join(f"{percentile(took, share):.1f}" for share in (0.5, 0.99, 1.0))
    return f"{stage.ended - stage.began - made.calm:.1f} s; {figures} ms"
