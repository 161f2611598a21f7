"""The simulation of many machines: its engine against theory, and what it finds."""

import json
import math
import os
from random import Random

import pytest

from perf import tools
from perf.__main__ import main
from perf.scenario import ScenarioError
from perf.simulation import costs, draw, leases, redis_load, shapes, store, words
from perf.simulation.check import failures
from perf.simulation.cluster import DOWN, UP, Cluster, Setting, totals
from perf.simulation.costs import Costs
from perf.simulation.engine import Engine, Station
from perf.simulation.host import Host
from perf.simulation.plants import Fluid, Requests
from perf.simulation.run import simulate
from perf.simulation.scenario import load_all, parse
from perf.simulation.turns import FEW, MANY, Turns

COSTS = Costs(
    {"bare": 50.0, "cache-hit": 20.0, "full": 70.0, "exact": 100.0, "leased": 60.0},
    {"take2": {1: 50.0, 64: 10.0}, "say": {1: 40.0, 64: 5.0}, "get": {1: 40.0, 64: 1.0}},
)


def waits(rate, work, servers=1, count=60_000):
    """The mean seconds before service, of so many customers who come at any time."""
    engine, random, found = Engine(), Random(7), []
    station = Station(engine, servers)

    def due():
        begun, seconds = engine.now, work(random)
        if len(found) < count:
            engine.after(random.expovariate(rate), due)
            station.work(seconds, lambda: found.append(engine.now - begun - seconds))

    due()
    engine.run(math.inf)
    return sum(found) / len(found)


def erlang(servers, offered):
    """The share of customers who wait (Erlang C)."""
    last = offered**servers / math.factorial(servers) / (1 - offered / servers)
    return last / (sum(offered**n / math.factorial(n) for n in range(servers)) + last)


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_one_server_is_as_theory_says(busy):
    assert waits(busy, shapes.exponential) == pytest.approx(busy / (1 - busy), rel=0.1)  # M/M/1
    assert waits(busy, shapes.constant) == pytest.approx(busy / (1 - busy) / 2, rel=0.1)  # M/D/1


@pytest.mark.parametrize("servers", [2, 5])
def test_several_servers_are_as_theory_says(servers):
    offered = 0.8 * servers
    expected = erlang(servers, offered) / (servers - offered)
    assert waits(offered, shapes.exponential, servers) == pytest.approx(expected, rel=0.1)  # M/M/c


def test_a_long_tail_waits_as_theory_says():
    """Pollaczek and Khinchine: what counts is the variance of the work."""
    variance = math.exp(0.5**2) - 1
    expected = 0.6 * (1 + variance) / 2 / (1 - 0.6)
    assert waits(0.6, shapes.lognormal(0.5)) == pytest.approx(expected, rel=0.1)


def test_what_is_due_at_once_happens_in_order():
    engine, found = Engine(), []
    for name in "abc":
        engine.after(1.0, lambda name=name: found.append(name))
    engine.after(2.0, lambda: found.append("late"))
    engine.run(1.5)
    assert (found, engine.now) == (["a", "b", "c"], 1.5)


def test_one_host_does_what_its_costs_say():
    full = Host(50.0, 20.0).closed(64, 1.0)
    assert full.rps == pytest.approx(20_000, rel=0.01) and full.busy == pytest.approx(1.0, abs=0.01)
    assert Host(50.0, 20.0, 2, is_shared=True).closed(64, 1.0).rps == pytest.approx(2e6 / 70, rel=0.01)
    assert Host(20.0, 50.0).closed(64, 1.0).rps == pytest.approx(20_000, rel=0.01), "the load is the limit"
    calm = Host(50.0, 20.0).open(5_000, 1.0)
    assert calm.busy == pytest.approx(0.25, rel=0.02) and calm.p50_ms == pytest.approx(0.07)


def test_others_take_their_share_of_a_core():
    some = Host(50.0, 20.0, share=0.8).closed(64, 1.0)
    assert some.rps == pytest.approx(16_000, rel=0.01) and some.busy == pytest.approx(0.8, abs=0.01)
    both = Host(50.0, 20.0, 2, is_shared=True, share=0.8).closed(64, 1.0)
    assert both.rps == pytest.approx(0.8 * 2e6 / 70, rel=0.01) and both.busy == pytest.approx(0.8 * 5 / 7, rel=0.01)


def test_a_request_costs_less_where_more_are_in_flight():
    turns = Turns(few_us=60.0, many_us=30.0)
    assert [turns.at(FEW), turns.at(MANY)] == [60.0, 30.0]
    assert turns.at(FEW) > turns.at(16) > turns.at(32) > turns.at(MANY) > turns.at(2 * MANY) > 20.0
    assert turns.at(16) == pytest.approx(40.0), "a third of the way: 1/4 of 1/2 to 1/8"


def test_who_is_idle_has_to_be_woken():
    alone = Host(50.0, 1.0, wake_us=70.0).open(1_000, 1.0)
    assert alone.busy == pytest.approx(0.12, rel=0.02), "for the request and for its answer"
    assert Host(50.0, 1.0, wake_us=70.0).closed(64, 1.0).rps == pytest.approx(20_000, rel=0.01), "never idle"
    some = Host(50.0, 1.0, wake_us=70.0).open(7_000, 4.0, Random(2)).busy
    assert costs.used(7_000, 50.0, 70.0) == pytest.approx(some, rel=0.05)
    for share in (0.1, 0.5, 0.9):
        assert costs.used(costs.rate_at(share, 50.0, 70.0), 50.0, 70.0) == pytest.approx(share)
    assert costs.used(20_000, 50.0, 70.0) == pytest.approx(1.0)


def test_two_ways_of_serving_agree():
    """What the liquid leaves out, chance, is little where a queue is long or a pod has room."""
    setting = Setting()
    ways = (Fluid(70.0, 2, 1.0), Requests(70.0, 2, 1.0, 60.0, Random(3)))
    found = [totals(Cluster(setting, way, 3).run(shapes.burst(10_000, 10, 60, 120), 200)) for way in ways]
    assert found[0].shed > 100_000
    assert found[1].shed == pytest.approx(found[0].shed, rel=0.1)
    assert found[1].served == pytest.approx(found[0].served, rel=0.01)


def test_nothing_is_lost_that_came():
    moments = Cluster(Setting(), Fluid(70.0, 2, 1.0), 9, loss=20.0).run(shapes.steady(50_000), 100)
    made = totals(moments)
    assert made.served + made.shed + made.lost == pytest.approx(100 * 50_000, rel=0.01)
    assert made.lost == pytest.approx(50 * 50_000 / 3, rel=0.01), "a third, until the nodes are known to be gone"
    assert moments[19].ready == 9 and moments[-1].ready == 6, "its pods are replaced after five minutes only"


def test_a_burst_is_followed_as_the_chart_allows():
    moments = Cluster(Setting(), Fluid(70.0, 2, 1.0), 3).run(shapes.burst(10_000, 10, 60, 900), 120)
    counts = sorted({m.replicas for m in moments})
    assert counts[0] == 3 and counts[1] == 7, "four more, which is more than twice as many"
    assert counts[2] <= 14
    assert moments[-1].served == pytest.approx(100_000, rel=0.01)
    assert (UP.window, DOWN.window) == (0, 300)


def test_keys_are_asked_by_zipf():
    shares = shapes.zipf(1000, 1.0)
    assert math.fsum(shares) == pytest.approx(1.0) and shares[0] == pytest.approx(2 * shares[1])
    assert shapes.distinct(shares, 1) < 1 < shapes.distinct(shares, 100) < 100
    assert 0.3 < shapes.lru_hits(shares, 100) < shares[0] * 7 and shapes.lru_hits(shares, 1000) == 1.0
    random, places, kept, hits = Random(5), range(1000), {}, 0
    asked = random.choices(places, shares, k=40_000)
    for key in asked:
        hits += key in kept
        kept[key] = kept.pop(key, None)
        if len(kept) > 100:
            del kept[next(iter(kept))]
    assert shapes.lru_hits(shares, 100) == pytest.approx(hits / len(asked), rel=0.03), "Che's approximation"


def test_a_day_has_its_mean():
    rate = shapes.diurnal(100.0, 0.7)
    hours = [rate(3600.0 * hour) for hour in range(24)]
    assert sum(hours) / 24 == pytest.approx(100.0) and max(hours) > 135 and min(hours) == pytest.approx(30.0)


def test_an_exact_limit_ends_where_the_redis_does():
    calm = store.Run("exact", COSTS, 20, 5_000, 0.0005, store.Keys(), 1).result(1.0)
    full = store.Run("exact", COSTS, 20, 400_000, 0.0005, store.Keys(), 1).result(1.0)
    assert calm.busy < 0.5 and calm.p50_ms < 2 and not calm.refused
    assert full.busy > 0.98 and full.calls == pytest.approx(100_000, rel=0.05) and full.refused > 0.5


def test_leases_ask_less_the_more_workers_are_asked():
    few = store.Run("leased", COSTS, 20, 20_000, 0.0005, store.Keys(100, 1.0), 1).result(1.0)
    many = store.Run("leased", COSTS, 20, 200_000, 0.0005, store.Keys(100, 1.0), 1).result(1.0)
    assert many.calls < 0.5 * 200_000 and few.calls > 0.5 * 20_000
    assert not many.refused


@pytest.mark.parametrize("pressure", [2.0, 20.0])
def test_leases_go_beyond_by_no_more_than_one_each(pressure):
    alone = leases.Run(1, 100, 100, pressure, 0.001, 1).result(10.0)
    found = leases.Run(8, 100, 100, pressure, 0.001, 1).result(10.0)
    assert alone.over < 1.001 and alone.bound == 10 and found.bound == 80
    assert alone.share == pytest.approx(1.0, abs=0.02)
    assert 1 < found.over <= found.bound


@pytest.mark.parametrize("text", [
    'kind = "capacity"\nper_minute = [1e6]\nlines = ["bare", "full"]',
    'kind = "scaling"\nline = "full"\nshape = "burst"\nrate = 3000\nfactor = 10\nstart = 9\nseconds = 60\nreplicas = 0',
    'kind = "scaling"\nline = "full"\nshape = "diurnal"\nswing = 0.5\nrate = 3000\nseconds = 60\nreplicas = 3',
    'kind = "redis"\nrates = [2000]\nmodes = ["exact", "leased", "cache"]\nkeys = {count = 999, memory = 99}',
    'kind = "leases"\nhosts = [2]\npressures = [2]\nrate = 50\nburst = 50\nseconds = 3.0',
])  # fmt: skip
def test_the_same_seed_finds_the_same(text):
    scenario = parse("s", text)
    found = simulate(scenario, COSTS)
    assert json.dumps(found) == json.dumps(simulate(scenario, COSTS))
    assert words.table(found).count("\n") >= 2
    assert all("<svg" in picture for picture in draw.pictures({"s": found}).values())


def test_mistakes_in_a_file_are_named():
    for text, said in (
        ("kind = 'x'", "kind 'x' is none of"),
        ("kind = 'leases'\nhosts = [1]", "'pressures' is missing"),
        ("kind = 'capacity'\nper_minute = [1]\nlines = ['bare']\nsetting = {pods = 3}", "unknown key 'pods'"),
        ("kind = ", "Invalid value"),
    ):
        with pytest.raises(ScenarioError, match=said):
            parse("f", text)


def test_costs_come_from_a_result(tmp_path, capsys):
    series = {"gateway@full": {"median": {"cpu_us": {"value": 35.0}}}}
    path = tmp_path / "r.json"
    path.write_text(json.dumps({"format": 1, "scenarios": {"full": {"series": series}}}))
    assert costs.of_result(path, COSTS).cpu_us == COSTS.cpu_us | {"full": 35.0}
    path.write_text(json.dumps({"format": 1, "scenarios": {}}))
    assert main(["simulate", "throughput", "--result", str(path)]) == 1
    assert main(["simulate", "nonsense"]) == 1
    assert "no scenario 'nonsense'" in capsys.readouterr().err


def test_the_cost_of_a_call_is_between_those_that_were_measured():
    assert [COSTS.redis("say", n) for n in (0.5, 1, 64, 500)] == [40.0, 40.0, 5.0, 5.0]
    assert 5.0 < COSTS.redis("say", 32) < 40.0


def test_a_throughput_is_told_as_a_table(capsys):
    assert main(["simulate", "throughput"]) == 0
    assert "| full |" in capsys.readouterr().out


def test_what_is_too_far_off_is_named():
    row = {"line": "bare", "what": "requests/s", "predicted": 80.0, "measured": 100.0, "off": -0.2, "is_held": True}
    assert failures({"check": [row]}) == ["bare, requests/s: predicted 80, measured 100"]
    assert failures({"check": [row | {"off": 0.1}, row | {"is_held": False}]}) == []


def test_the_page_and_its_pictures_are_those_of_the_figures():
    found = draw.read()
    assert set(found) == set(load_all())
    made = draw.pictures(found)
    assert {path.name for path in draw.FOLDER.glob("scaling-*.svg")} == set(made)
    for name, text in made.items():
        assert (draw.FOLDER / name).read_text() == text, "run `python -m perf simulate --draw`"
    page = draw.PAGE.read_text()
    assert draw.filled(page, found) == page
    assert all(f"<!-- {name} -->" in page for name in found)


def test_the_page_of_the_check_is_that_of_its_figures():
    assert draw.CHECKED.read_text() == words.checked(json.loads(costs.KEPT.read_text()))


@pytest.mark.skipif(not tools.find("redis-server"), reason="there is no redis-server")
def test_a_real_redis_is_asked():
    cores = os.sched_getaffinity(0)
    # CPU is counted in ticks of 10 ms, and so short a load may have none: one good measurement of several is enough.
    for _ in range(6):
        found = redis_load.measure(0.08)
        assert os.sched_getaffinity(0) == cores
        assert set(found) == {"take1", "take2", "say", "set", "get"}
        if all(0 < by[64] < 1000 for by in found.values()) and found["get"][256] < found["take2"][256]:
            return
    raise AssertionError(f"never plausible: {found}")
