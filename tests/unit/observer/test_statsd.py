"""What goes to a statsd daemon: names, tags, packets, and what is dropped."""

import itertools
import re
import socket
import time
import types

import pytest

from gateway.observability.metrics import statsd
from gateway.observability.metrics.options import Statsd as Spec
from gateway.observability.metrics.self_metrics import OwnFigures
from gateway.observability.metrics.statsd import Statsd
from gateway.observability.metrics.statsd_client import PACKET, Client, statsd_name
from tests.support.greenlets import until
from tests.support.ports import free_port
from tests.support.tries import first_quick
from tests.unit.observer.made import calls, figures, route

FIRST = figures({"item.v1": route(5)})
THEN = figures(
    {"item.v1": route({("GET", "2xx"): 8, ("GET", "5xx"): 1}, {"internal": 1}, {"cache_hit": 2}, 4, 90, [0.25] * 9)},
    {"one": calls(3, {"upstream-refused": 1}, 1, 0, 2, [0.1] * 3)},
    {("one", "127.0.0.1:9101"): calls(3)},
)


@pytest.fixture
def daemon():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(3.0)
        yield made


def packets(daemon, wanted):
    """Packets until one has `wanted` in it."""
    found = []
    while not any(wanted in packet for packet in found):
        found.append(daemon.recv(65536).decode())
    return found


def part(parts=()):
    own = types.SimpleNamespace(figures=OwnFigures({}, {}, 1, "", 9.0, 0, {"default": 60.0}, 1))
    return Statsd(types.SimpleNamespace(own=own), parts)


def sending(daemon, port=None, tags=False, host="127.0.0.1"):
    """The part, connected."""
    made = part()
    spec = Spec(host, port or daemon.getsockname()[1], "gw", 1.0, tags, "x:1")
    made.configure(types.SimpleNamespace(statsd=spec))
    until(lambda: made._client._socket)
    return made


def lines_of(daemon, **options):
    made = sending(daemon, **options)
    made.tick(100.0, FIRST)
    made.tick(101.0, THEN)
    made.close()
    return "\n".join(packets(daemon, "certificate")).split("\n")


def test_names(daemon):
    lines = lines_of(daemon)
    for line in (
        "gw.requests.GET.2xx.requests:3|c",
        "gw.route.item_v1.GET.2xx.requests:3|c",
        "gw.route.item_v1.GET.5xx.requests:1|c",
        "gw.route.item_v1.internal.errors:1|c",
        "gw.route.item_v1.cache_hit.outcomes:2|c",
        "gw.route.item_v1.sent_bytes:90|c",
        "gw.route.item_v1.active:4|g",
        "gw.upstream.one.2xx.answers:3|c",
        "gw.upstream.one.upstream-refused.failures:1|c",
        "gw.upstream.one.retries:1|c",
        "gw.target.one.127_0_0_1_9101.2xx.answers:3|c",
        "gw.config.age:9|g",
        "gw.certificate.default.expiry:60|g",
    ):
        assert line in lines, line
    (p99,) = [line for line in lines if line.startswith("gw.route.item_v1.duration.p99:")]
    assert float(p99.split(":")[1].removesuffix("|g")) == pytest.approx(250, rel=0.02)


def test_tags(daemon):
    lines = lines_of(daemon, tags=True)
    for line in (
        "gw.requests.requests:3|c|#method:GET,status_class:2xx",
        "gw.route.requests:3|c|#route:item.v1,method:GET,status_class:2xx",
        "gw.target.answers:3|c|#upstream:one,target:127.0.0.1:9101,status_class:2xx",
        "gw.config.age:9|g",
    ):
        assert line in lines, line


def timers(daemon, durations, **options):
    """(milliseconds, requests that it stands for) of each value of the route's timer."""
    made = sending(daemon, **options)
    made.tick(100.0, figures({"a": route(0)}))
    made.tick(101.0, figures({"a": route(len(durations), durations=durations)}))
    made.close()
    daemon.settimeout(0.3)
    found = re.findall(
        r"^gw\.route[.a]*\.duration:([\d.]+)\|ms(?:\|@([\d.]+))?(\|#route:a)?$", "\n".join(_rest(daemon)), re.M
    )
    assert all(bool(tags) is options.get("tags", False) for *_, tags in found)
    return [(float(value), 1 / float(share or 1)) for value, share, _ in found]


@pytest.mark.parametrize("tags", [False, True])
def test_a_timer_has_each_of_a_few_requests(daemon, tags):
    found = timers(daemon, [0.3, 0.1, 0.2], tags=tags)
    assert [value for value, _ in found] == pytest.approx([100, 200, 300], rel=0.02)
    assert [each for _, each in found] == [1, 1, 1]


def test_a_timer_of_many_is_a_few_values_that_stand_for_all(daemon):
    found = timers(daemon, [number / 1000 for number in range(1, 1001)])
    assert [value for value, _ in found] == pytest.approx(range(50, 1000, 100), rel=0.02)
    assert sum(each for _, each in found) == pytest.approx(1000)
    (far, *_), count = timers(daemon, [0.1] * 3_000), 3_000
    assert far[1] == pytest.approx(count / 10, rel=1e-3)


def test_what_happened_is_sent_once(daemon):
    made = sending(daemon)
    for now in (100.0, 101.0, 102.0):
        made.tick(now, THEN)
    made.close()
    assert "gw.route.item_v1.GET.2xx.requests" not in "".join(packets(daemon, "certificate"))


def test_packets_are_filled_and_fit(daemon):
    client = Client("gateway", tags=False)
    client.connect(socket.AF_INET, daemon.getsockname())
    for number in range(1000):
        client.incr(client.name("route", "requests", route=f"route-{number}"), number)
    client.flush()
    got = packets(daemon, "route-999")
    assert all(len(packet) <= PACKET for packet in got)
    assert min(map(len, got[:-1])) > PACKET - 60
    assert sum(packet.count("\n") + 1 for packet in got) == 1000
    assert (client.sent, client.dropped) == (len(got), 0)
    client.close()


def test_a_daemon_that_refuses_is_counted_and_costs_nothing():
    made, seconds = sending(None, port=free_port()), itertools.count()

    def took():
        began = time.monotonic()
        for second in itertools.islice(seconds, 20):
            made.tick(100.0 + second, figures({"a": route(second)}))
        return time.monotonic() - began

    assert first_quick(took, lambda spent: spent < 0.5) < 0.5
    assert {name: value for name, _, _, value in made.metrics()}["gateway_statsd_dropped_total"] > 5
    made.close()


def test_a_name_that_is_not_found_is_told_once_and_what_is_meant_for_it_dropped(caplog):
    def took():
        caplog.clear()
        made = part()
        made.configure(types.SimpleNamespace(statsd=Spec("nowhere.invalid", 8125, "gw", 1.0, False, "x:1")))
        began = time.monotonic()
        for second in range(3):
            made.tick(100.0 + second, figures({"a": route(second)}))
        spent = time.monotonic() - began
        until(lambda: "is not found" in caplog.text)
        assert caplog.text.count("is not found") == 1
        assert list(made.metrics())[1][3] == 2
        made.close()
        return spent

    assert first_quick(took, lambda spent: spent < 0.5) < 0.5


def test_where_one_address_refuses_the_next_is_taken(daemon, monkeypatch):
    port = daemon.getsockname()[1]
    addresses = [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (host, port)) for host in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(statsd.socket, "getaddrinfo", lambda *asked, **more: addresses)
    monkeypatch.setattr(statsd, "RESOLVE_EVERY", 0.02)
    monkeypatch.setattr(statsd, "AGAIN_AFTER", 0.02)
    made, turns = sending(daemon, host="stats.test"), itertools.count()
    daemon.setblocking(False)

    def arrives():
        made.tick(100.0 + next(turns), figures({"item": route(next(turns))}))
        try:
            return daemon.recv(65536)
        except BlockingIOError:
            return b""

    assert b"gw.route.item" in until(arrives)
    made.close()


def test_a_flush_has_an_end(daemon):
    client = Client("gateway", tags=False)
    client.connect(socket.AF_INET, daemon.getsockname())
    for number in range(100_000):
        client.incr(f"some.rather.long.name.{number}", number)
    client.flush()
    assert client.dropped > 0
    assert client.sent <= 512
    client.close()


def test_every_is_kept(daemon):
    made = sending(daemon)
    made._spec = Spec("127.0.0.1", 1, "gw", 10.0, False, "x:1")
    for second in range(31):
        made.tick(100.0 + second, figures({"a": route(second)}))
    made.close()
    daemon.settimeout(0.3)
    flushes = "\n".join(_rest(daemon)).count("gw.config.age")
    assert flushes == 3


def _rest(daemon):
    while True:
        try:
            yield daemon.recv(65536).decode()
        except TimeoutError:
            return


def test_without_it_nothing_is_there():
    made = part()
    made.configure(types.SimpleNamespace(statsd=None))
    made.tick(1.0, THEN)
    assert [value for *_, value in made.metrics()] == [0.0, 0.0]
    made.close()


def test_words_are_safe():
    assert statsd_name("a.b:c|d@e/f g\nh") == "a_b_c_d_e_f_g_h"
    assert statsd_name("") == "_"
