"""Three times more requests than an upstream can take: it works at its capacity, and who is refused knows at once."""

import time
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.support.chaos import stage
from tests.support.operations import Asker, Wrk, get, respond, running, server
from tests.support.steady import at, share_ok
from tests.support.tries import first_quick

pytestmark = pytest.mark.timed

#: of the upstream: seconds that a request takes, and how many it works on at once
TAKES, PLACES = 0.04, 8
CAPACITY = PLACES / TAKES
#: seconds until the limit has been found, and those that are looked at; half a minute of it is in tests/soak
SETTLED, COUNTED = 2.0, 4.0


def overload(folder: Path, limit: str) -> float:
    """Three times what the upstream can take: the p95 of refusals, seconds."""
    policies = f"    timeout: {{total: 5s}}\n    overload: {{max_concurrency: {limit}, queue: 20}}\n"
    with stage(folder, policies, count=1, seconds=TAKES, places=PLACES) as made:
        _, alone = made.run(CAPACITY / 4, 1.5)
        asker = Asker(made.gateway.admin_port, "/healthz", 0.05)
        asker.start()
        _, asked = made.run(CAPACITY * 3, SETTLED + COUNTED)
        asker.stop()
        _, after = made.run(CAPACITY / 4, 1.0)
    settled = [each for each in asked if each.due > asked[0].due + SETTLED]
    good = [each for each in settled if each.status == 200]
    refused = [each for each in settled if each.status != 200]
    goodput = len(good) / COUNTED / CAPACITY
    print(
        f"limit {limit}: goodput {goodput:.0%}; p99 alone {at(0.99, alone) * 1e3:.0f} ms, accepted"
        f" {at(0.99, good) * 1e3:.0f} ms, refused {at(0.99, refused) * 1e3:.1f} ms;"
        f" /healthz slowest {asker.slowest * 1e3:.0f} ms"
    )
    assert {each.status for each in refused} == {503}
    assert goodput >= 0.75
    assert at(0.99, good) <= 3 * at(0.99, alone) + 0.1
    assert not asker.failures and asker.count > 50
    assert share_ok(after) == 1.0
    return at(0.95, refused)


@pytest.mark.parametrize("limit", [str(PLACES), "adaptive"])
def test_three_times_the_capacity(tmp_path: Path, limit: str) -> None:
    refused = first_quick(lambda: overload(Path(mkdtemp(dir=tmp_path)), limit), lambda p95: p95 <= 0.1, tries=3)
    assert refused <= 0.1


def test_a_gateway_at_the_end_of_its_own_cpu_answers_rightly(tmp_path):
    with running(tmp_path, server(2) + "routes:\n" + respond(7)) as gateway:
        asker = Asker(gateway.admin_port, "/healthz", 0.05)
        asker.start()
        seen = Wrk(tmp_path, f"{gateway.url}/plan", 4, connections=256, check='body == "7"').result()
        over = time.monotonic()
        assert get(gateway, "/plan")[2] == b"7"
        recovered = time.monotonic() - over
        asker.stop()
    print(f"{seen['requests']:,} answers, /healthz slowest {asker.slowest:.3f} s, recovered in {recovered:.3f} s")
    assert seen["wrong"] == seen["status"] == seen["read"] == 0
    assert not asker.failures and asker.slowest < 2.0
    assert recovered < 2.0
