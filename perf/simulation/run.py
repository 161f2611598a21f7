"""What each kind of scenario finds, as figures that JSON can hold; the same for the same seed and costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from random import Random
from typing import Any

from perf.simulation import leases, shapes, store
from perf.simulation.cluster import Cluster, Moment, Setting, totals
from perf.simulation.costs import Costs, rate_at, used
from perf.simulation.plants import Fluid, Plant, Requests
from perf.simulation.scenario import Capacity, Leases, Redis, Scaling, Scenario

Found = dict[str, Any]
SETTLED = 900.0  # seconds after which the autoscaler has come to rest under a steady load
SAMPLES = 1_500.0  # requests a second that are simulated one by one
TWIN = 2_000.0  # seconds, up to which a run is also done request by request


def simulate(scenario: Scenario, costs: Costs, seed: int = 1) -> Found:
    """The figures of one scenario."""
    found = KINDS[scenario.kind](scenario.of, costs, seed)
    return {"name": scenario.name, "title": scenario.title, "kind": scenario.kind, "seed": seed} | found


def pods(setting: Setting, cpu_us: float, wake_us: float, rate: float) -> int:
    """How many keep within the target, without the autoscaler's bounds."""
    share = setting.target * setting.request / setting.cores
    return max(1, math.ceil(rate / setting.cores / rate_at(share, cpu_us, wake_us)))


def _capacity(wanted: Capacity, costs: Costs, _: int) -> Found:
    rows = []
    for line in wanted.lines:
        cost = costs.of(line)
        for minute in wanted.per_minute:
            rate = minute / 60
            needed = pods(wanted.setting, cost, costs.wake_us, rate)
            roomy = Setting(**(asdict(wanted.setting) | {"least": 1, "most": 10_000}))
            last = _settled(roomy, cost, costs.wake_us, needed, shapes.steady(rate))
            share = used(rate / needed / roomy.cores, cost, costs.wake_us)
            rows.append({
                "line": line, "cpu_us": cost, "per_minute": minute, "pods": needed,
                "cores": needed * roomy.cores * share,
                "settled": last.replicas, "served": last.served / rate,
                "full_pods": math.ceil(rate * cost / 1e6 / roomy.cores),
                "is_within": needed <= wanted.setting.most,
            })  # fmt: skip
    return {"rows": rows, "most": wanted.setting.most}


def _settled(setting: Setting, cost: float, wake_us: float, replicas: int, rate: shapes.Rate) -> Moment:
    """Where a run of its own comes to rest."""
    return Cluster(setting, Fluid(cost, setting.cores, 1.0, wake_us), replicas).run(rate, SETTLED, 0.5)[-1]


def _redis(wanted: Redis, costs: Costs, seed: int) -> Found:
    rows = []
    for mode in wanted.modes:
        line = {"exact": "exact", "leased": "leased", "cache": "cache-hit"}[mode]
        for rate in wanted.rates:
            count = max(wanted.setting.least, pods(wanted.setting, costs.of(line), costs.wake_us, rate))
            workers = count * wanted.setting.workers
            run = store.Run(mode, costs, workers, rate, wanted.rtt_ms / 1e3, wanted.keys, seed)
            rows.append({"mode": mode, "rate": rate, "workers": workers} | asdict(run.result(wanted.seconds)))
    return {"rows": rows, "rtt_ms": wanted.rtt_ms}


def _scaling(wanted: Scaling, costs: Costs, seed: int) -> Found:
    cost, setting = costs.of(wanted.line), wanted.setting
    rate = _rate(wanted)
    replicas = wanted.replicas
    if not replicas:
        start = min(setting.most, pods(setting, cost, costs.wake_us, rate(0)))
        replicas = _settled(setting, cost, costs.wake_us, start, rate).replicas

    def run(plant: Plant) -> list[Moment]:
        return Cluster(setting, plant, replicas, wanted.loss or None).run(
            rate, wanted.seconds, wanted.step, wanted.every
        )

    moments = run(Fluid(cost, setting.cores, wanted.patience, costs.wake_us))
    found = {"line": wanted.line, "cpu_us": cost, "replicas": replicas, "liquid": _summary(moments, wanted)}
    if wanted.seconds <= TWIN and setting.cores == int(setting.cores):
        scale = max(rate(time) for time in range(int(wanted.seconds))) / SAMPLES
        plant = Requests(cost, int(setting.cores), wanted.patience, scale, Random(seed), costs.wake_us)
        found["by_request"] = _summary(run(plant), wanted)
    thin = max(1, len(moments) // 300)
    return found | {"moments": [asdict(moment) for moment in moments[::thin]]}


def _rate(wanted: Scaling) -> shapes.Rate:
    if wanted.shape == "burst":
        return shapes.burst(wanted.rate, wanted.factor, wanted.start, wanted.length)
    if wanted.shape == "diurnal":
        return shapes.diurnal(wanted.rate, wanted.swing)
    return shapes.steady(wanted.rate)


def _summary(moments: list[Moment], wanted: Scaling) -> Found:
    """All of a run; `calm` is how long after the burst, or the loss, requests were still refused or lost."""
    made = totals(moments)
    asked = made.served + made.shed + made.lost
    since = wanted.start or wanted.loss
    bad = [m.time for m in moments if m.shed + m.lost > 0.001 * m.rate and m.time > since]
    used = sum(m.replicas for m in moments) / len(moments)
    return {
        "served": made.served / asked, "shed": made.shed / asked, "lost": made.lost / asked, "shed_requests": made.shed,
        "lost_requests": made.lost, "calm": max(bad, default=since) - since, "longest_wait": made.wait,
        "most_pods": max(m.replicas for m in moments), "mean_pods": used,
        "steps": _steps(moments, since), "pod_hours": used * moments[-1].time / 3600,
    }  # fmt: skip


def _steps(moments: list[Moment], since: float) -> list[tuple[float, int]]:
    """The first changes of how many pods are ready, in seconds after it began."""
    found: list[tuple[float, int]] = []
    for before, after in pairwise(moments):
        if after.time > since and after.ready != before.ready:
            found.append((round(after.time - since, 1), after.ready))
    return found[:8]


def _leases(wanted: Leases, costs: Costs, seed: int) -> Found:
    rows = []
    for pressure in wanted.pressures:
        for hosts in wanted.hosts:
            run = leases.Run(hosts, wanted.rate, wanted.burst, pressure, wanted.rtt_ms / 1e3, seed)
            rows.append({"hosts": hosts, "pressure": pressure} | asdict(run.result(wanted.seconds)))
    return {"rows": rows, "rate": wanted.rate, "burst": wanted.burst}


KINDS: dict[str, Callable[[Any, Costs, int], Found]] = {
    "capacity": _capacity,
    "redis": _redis,
    "scaling": _scaling,
    "leases": _leases,
}
