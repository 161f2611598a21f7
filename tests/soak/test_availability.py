"""What a pair of gateways goes through, at 2,000 requests a second for a minute (docs/availability.md)."""

from __future__ import annotations

from collections import Counter

import pytest

from perf.stats import percentile
from tests.soak.figures import keep
from tests.support.callers import Call
from tests.support.drill import Drill, Stage, drill
from tests.support.gateway import wait_until
from tests.support.machine import Machine, taken_by_others

RATE, SECONDS, CALM = 2000.0, 60.0, 3.0
#: share of the machine that others may take: what the drill needs for itself at this rate is some 60 % of two cores
ROOM = 0.25
COUNTERS = {
    "requests that haproxy tried again": "wretr",
    "times that it saw a gateway go": "chkdown",
}
pytestmark = pytest.mark.soak


@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_a_life_in_a_minute(tmp_path, mode):
    wait_until(lambda: taken_by_others(2.0) < ROOM, f"nothing was measured: others take {ROOM:.0%} and more", 60.0)
    machine = Machine()
    with drill(tmp_path, mode, CALM) as made:
        calls = made.run(RATE, SECONDS)
        counted = {what: made.balancer.counted(name) for what, name in COUNTERS.items()}
        troubles = made.balancer.troubles()
    failed = [call for call in calls if call.status != 200]
    lost = made.broken(failed)
    kinds = Counter(f"{call.status} {call.trouble}" for call in failed if call not in lost)
    around = f"{kinds}; haproxy: {troubles}; others took {machine.others():.0%} of the machine"
    rows = {
        "requests": f"{len(calls):,} at {RATE:,.0f}/s",
        "failed, of those that may be sent twice (GET, PUT)": sum(call.is_idempotent for call in failed),
        "failed, of those that may not (POST, one in ten)": sum(not call.is_idempotent for call in failed),
        "of both, on their way to the gateway that was killed": len(lost),
        "answered, of all": f"{1 - len(failed) / len(calls):.5%}",
        **counted,
        "of the machine, taken by others": f"{machine.others():.0%}",
    }
    rows |= {_words(stage): _figures(made, stage, calls) for stage in made.stages}
    assert not kinds, f"{around}; {rows}"
    assert mode == "tcp" or not any(call.is_idempotent for call in failed), around
    assert len(lost) <= RATE / 10
    assert counted["times that it saw a gateway go"] == 3, f"killed, and rolled twice: no upgrade shows; {around}"
    keep(
        f"availability-{mode}",
        f"Two gateways behind haproxy (mode {mode}), killed, rolled and upgraded under load",
        rows,
    )


def _words(stage: Stage) -> str:
    return f"{stage.name}: seconds; p50, p99, slowest"


def _figures(made: Drill, stage: Stage, calls: list[Call]) -> str:
    took = sorted(call.seconds * 1e3 for call in calls if stage.began <= call.due < stage.ended)
    figures = ", ".join(f"{percentile(took, share):.1f}" for share in (0.5, 0.99, 1.0))
    return f"{stage.ended - stage.began - made.calm:.1f} s; {figures} ms"
