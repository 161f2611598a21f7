"""Three times the capacity of an upstream for half a minute, held against the written figures."""

import pytest

from tests.soak.figures import keep
from tests.support.chaos import stage
from tests.support.operations import Asker
from tests.support.steady import at, share_ok

#: of the upstream: seconds that a request takes, and how many it works on at once
TAKES, PLACES = 0.04, 8
CAPACITY = PLACES / TAKES
SECONDS, SETTLED = 30.0, 3.0
#: seconds that a request may wait in the line before it is sent on
QUEUE = 0.045
pytestmark = pytest.mark.soak


@pytest.mark.parametrize("limit", [str(PLACES), "adaptive"])
def test_three_times_the_capacity(tmp_path, limit):
    policies = f"    timeout: {{total: 5s}}\n    overload: {{max_concurrency: {limit}, queue: 20}}\n"
    with stage(tmp_path, policies, count=1, seconds=TAKES, places=PLACES) as made:
        _, alone = made.run(CAPACITY / 4, 10.0)
        asker = Asker(made.gateway.admin_port, "/healthz", 0.05)
        asker.start()
        began, asked = made.run(CAPACITY * 3, SECONDS)
        asker.stop()
        _, after = made.run(CAPACITY / 4, 3.0)
    settled = [each for each in asked if each.due > began + SETTLED]
    good = [each for each in settled if each.status == 200]
    refused = [each for each in settled if each.status != 200]
    goodput = len(good) / (SECONDS - SETTLED) / CAPACITY
    rows = {
        "goodput, of what the upstream can do": f"{goodput:.1%}",
        "p99 of a request alone": f"{at(0.99, alone) * 1e3:.1f} ms",
        "p99 of those accepted": f"{at(0.99, good) * 1e3:.1f} ms",
        "p99 of those refused": f"{at(0.99, refused) * 1e3:.1f} ms",
        "slowest /healthz": f"{asker.slowest * 1e3:.1f} ms",
    }
    keep(f"overload-{limit}", f"Three times the capacity, max_concurrency {limit}, two workers", rows)
    assert {each.status for each in refused} == {503}
    assert goodput >= 0.85
    assert at(0.99, good) <= 2 * at(0.99, alone) + QUEUE
    assert at(0.99, refused) <= 0.05
    assert not asker.failures
    assert share_ok(after) == 1.0
