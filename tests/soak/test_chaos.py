"""A minute of 500 requests a second while targets fail in every way in turn, and twenty seconds without any target."""

import time

import pytest

from tests.soak.figures import keep
from tests.support.chaos import DETECTED, FAULTS, TOTAL, resilient, stage
from tests.support.steady import at, share_ok

RATE = 500
#: seconds: of each fault with the calm after it, of the calm, and without any target
PHASE, CALM, DEAD = 10.0, 3.0, 20.0
SLACK = 0.25
pytestmark = pytest.mark.soak


@pytest.mark.parametrize("balance", ["p2c", "round_robin"])
def test_a_minute_of_faults(tmp_path, balance):
    steps = []
    with stage(tmp_path, resilient(balance)) as made:
        for number, fault in enumerate(FAULTS):
            victim, start = made.upstreams[number % 3], number * PHASE
            steps.append((start + CALM, lambda victim=victim, fault=fault: made.fail(victim, fault)))
            steps.append((start + PHASE, lambda victim=victim, fault=fault: made.heal(victim, fault)))
        began, asked = made.run(RATE, PHASE * len(FAULTS), *steps)
    rows, shares = {}, []
    for number, fault in enumerate(FAULTS):
        start = began + number * PHASE
        phase = [each for each in asked if start + CALM <= each.due < start + PHASE]
        later = [each for each in phase if each.due >= start + CALM + DETECTED]
        shares.append(share_ok(later))
        rows[f"{fault}: succeeded in all of it, after {DETECTED:g} s, slowest"] = (
            f"{share_ok(phase):.3%}, {share_ok(later):.3%}, {at(1.0, phase) * 1e3:.0f} ms"
        )
    rows["all: succeeded"] = f"{share_ok(asked):.3%}"
    rows["all: p50, p99, slowest"] = ", ".join(f"{at(share, asked) * 1e3:.1f} ms" for share in (0.5, 0.99, 1.0))
    keep(f"chaos-{balance}", f"A minute of faults at {RATE} requests a second, one of three targets, {balance}", rows)
    assert min(shares) >= 0.999, rows
    assert at(1.0, asked) <= TOTAL + SLACK


def test_twenty_seconds_without_any_target(tmp_path):
    back = 0.0

    def die():
        for upstream in made.upstreams:
            upstream.kill()

    def return_all():
        nonlocal back
        for upstream in made.upstreams:
            upstream.start()
        back = time.monotonic()

    with stage(tmp_path, resilient("p2c")) as made:
        began, asked = made.run(RATE, DEAD + 8.0, (1.0, die), (1.0 + DEAD, return_all))
    dead = [each for each in asked if began + 1.5 < each.due < began + 1.0 + DEAD]
    last = max(each.due for each in asked if each.status != 200)
    rows = {
        "refused meanwhile: p99, slowest": f"{at(0.99, dead) * 1e3:.1f} ms, {at(1.0, dead) * 1e3:.0f} ms",
        "last failure after their return": f"{max(0.0, last - back):.2f} s",
    }
    keep("all-dead", f"{DEAD:g} seconds without any target at {RATE} requests a second", rows)
    assert share_ok(dead) == 0.0
    assert last - back <= 2.0
    assert at(1.0, asked) <= TOTAL + SLACK
