"""The measuring itself: which points are visited, for how long, and what is made of their rounds."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.tuning.advice import Target, best, first_choice, widen
from gateway.tuning.config import Settings
from gateway.tuning.measurement import Burst, FixedRate, KeepAliveRun, Measured, NewConnectionRun, Point, limit_of
from gateway.tuning.request import CannotTune
from gateway.tuning.statistics import percentile, spread
from gateway.tuning.testbed import GatewayProcess, Round, Testbed

#: parts of the time that is given: sweep, curve at fixed rates, advised against configured
SWEEP, CURVE, DUEL = 0.55, 0.25, 0.2
SHORT = 20.0  # seconds under which fewer points are visited, once each
LEAST = 0.2  # seconds of a round
WARM = 0.3
BURST = 1000  # clients that come at once
HELD = 400  # connections that are kept to see what they take
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where and how often to measure."""

    workers: tuple[int, ...]
    connections: tuple[int, ...]
    shares: tuple[float, ...]
    rounds: int
    sweep: float
    curve: float
    duel: float


def schedule(cores: int, seconds: float) -> Schedule:
    """What fits into so many seconds of load; `cores` is the largest number of workers."""
    workers = {1, cores}
    while len(workers) < 5 and (more := 2 ** len(workers)) < cores:
        workers.add(more)
    is_short = seconds < SHORT
    connections = (1, 4, 16, 64) if is_short else (1, 2, 4, 8, 16, 32, 64, 128, 256)
    shares = (0.5, 0.8) if is_short else (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
    rounds = 1 if is_short else 3
    visits = len(workers) * len(connections) * rounds
    return Schedule(
        tuple(sorted(workers)),
        connections,
        shares,
        rounds,
        max(LEAST, SWEEP * seconds / visits),
        max(LEAST, CURVE * seconds / (len(shares) * rounds)),
        max(LEAST, DUEL * seconds / (2 * rounds)),
    )


def measure(stand: Testbed, configured: Settings, target: Target, seconds: float, say: Say) -> Measured:
    """Everything, in `seconds` of load and the time that starting takes."""
    began = time.monotonic()
    plan = schedule(min(target.cores, stand.usable), seconds)
    points: list[Point] = []
    for workers in plan.workers:
        say(f"{workers} worker{'s' * (workers > 1)}: {len(plan.connections)} numbers of connections")
        points += _swept(stand, Settings(workers, configured.connections), plan, check=not points)
    workers = first_choice(points, target)
    top = best(points, workers)
    subject = stand.serve(Settings(workers, configured.connections, configured.backlog, configured.keepalive))
    say(f"{workers} worker{'s' * (workers > 1)}: memory, new connections, and latency at fixed rates")
    stand.load(subject, top.connections, WARM)
    held = _held(stand, subject)
    fresh = _fresh(stand, subject, top.connections, plan.sweep)
    last, lost = stand.burst(subject, BURST)
    wide = widen(top.connections)
    curve = _paced(stand, [subject], [(share, share * top.rps.value) for share in plan.shares], wide, plan)
    stand.end(subject)
    duel = _duel(stand, configured, workers, points, target, plan, say)
    return Measured(
        stand.usable,
        tuple(points),
        held,
        fresh,
        Burst(BURST, last * 1e3, lost),
        curve,
        duel,
        stand.others,
        time.monotonic() - began,
    )


def _swept(stand: Testbed, settings: Settings, plan: Schedule, *, check: bool) -> list[Point]:
    subject = stand.serve(settings)
    try:
        if check:
            _check(stand, subject)
        stand.load(subject, plan.connections[-1], WARM)
        found: dict[int, list[Round]] = {connections: [] for connections in plan.connections}
        memory: dict[int, float] = {}
        for _ in range(plan.rounds):
            for connections, rounds in found.items():
                rounds.append(stand.load(subject, connections, plan.sweep))
                memory[connections] = max(memory.get(connections, 0.0), subject.memory())
        return [_point(settings.workers, at, rounds, memory[at]) for at, rounds in found.items()]
    finally:
        stand.end(subject)


def _check(stand: Testbed, subject: GatewayProcess) -> None:
    """Raises CannotTune when the request is not answered well, for what is measured then is the refusal."""
    status, body = stand.try_once(subject)
    if 200 <= status < 400:
        return
    hint = {
        401: "send a token: --header 'Authorization: Bearer …', or choose another route with --route",
        403: "send a token that may do this, or choose another route with --route",
        404: "say which path the route takes: --path /…",
        502: "its upstream does not answer: choose another route, or --upstream echo",
        503: "its upstream does not answer: choose another route, or --upstream echo",
    }.get(status, "say what it wants with --path, --method, --header and --data, or choose another route with --route")
    said = " ".join(body.split())[:300]
    raise CannotTune(
        f"the route answers {status or 'nothing'}, so there is nothing to measure: {hint}\n{said}".rstrip()
    )


def _point(workers: int, connections: int, rounds: Sequence[Round], memory_mb: float) -> Point:
    took = sorted(each for one in rounds for each in one.answered.latencies)
    if not took:
        raise CannotTune(f"no request was answered with {workers} workers and {connections} connections")
    limits = Counter(limit_of(workers, one) for one in rounds)
    seconds = sum(one.answered.seconds for one in rounds)
    return Point(
        workers,
        connections,
        spread([len(one.answered.latencies) / one.answered.seconds for one in rounds]),
        percentile(took, 0.5) * 1e3,
        percentile(took, 0.99) * 1e3,
        sum(one.cpu for one in rounds) / len(took) * 1e6,
        memory_mb,
        sum(one.cpu for one in rounds) / (workers * seconds),
        max(one.generator for one in rounds),
        sum(one.answered.failed for one in rounds),
        limits.most_common(1)[0][0],
    )


def _held(stand: Testbed, subject: GatewayProcess) -> KeepAliveRun:
    """The first quarter of the connections is not counted: with them grows what is made once."""
    rest = subject.memory()
    count = max(8, min(HELD, subject.settings.connections * subject.settings.workers // 2))
    with stand.held(subject, count // 4):
        few = subject.memory()
        with stand.held(subject, count - count // 4):
            full = subject.memory()
    return KeepAliveRun(rest, count, max(0.0, full - few) / (count - count // 4) * 1e3)


def _fresh(stand: Testbed, subject: GatewayProcess, connections: int, seconds: float) -> NewConnectionRun:
    found = stand.load(subject, connections, max(seconds, 0.5), fresh=True)
    count = len(found.answered.latencies)
    return NewConnectionRun(count / found.answered.seconds, found.cpu / max(1, count) * 1e6)


def _paced(
    stand: Testbed, subjects: Sequence[GatewayProcess], rates: Sequence[tuple[float, float]], wide: int, plan: Schedule
) -> tuple[FixedRate, ...]:
    """Every subject at every rate, in turn; each round begins with another one."""
    visits = [(subject, share, rate) for share, rate in rates for subject in subjects]
    seconds = plan.duel if len(subjects) > 1 else plan.curve
    found: list[list[Round]] = [[] for _ in visits]
    memory = [0.0] * len(visits)
    for turn in range(plan.rounds):
        for step in range(len(visits)):
            at = (turn + step) % len(visits)
            subject, _, rate = visits[at]
            found[at].append(stand.load(subject, wide, seconds, rate=rate))
            memory[at] = max(memory[at], subject.memory())
    return tuple(_pace(*visit, rounds, pss) for visit, rounds, pss in zip(visits, found, memory, strict=True))


def _pace(subject: GatewayProcess, share: float, rate: float, rounds: Sequence[Round], memory_mb: float) -> FixedRate:
    answered = [one for one in rounds if one.answered.latencies]
    if not answered:
        raise CannotTune(f"no request was answered at {rate:,.0f} a second")
    count = sum(len(one.answered.latencies) for one in answered)
    return FixedRate(
        subject.settings,
        share,
        rate,
        spread([_of_sent(one, 0.5) * 1e3 for one in answered]),
        spread([_of_sent(one, 0.99) * 1e3 for one in answered]),
        max(one.answered.latencies[-1] for one in answered) * 1e3,
        max(one.answered.late for one in answered) * 1e3,
        sum(one.cpu for one in rounds) / count * 1e6,
        memory_mb,
        count,
        sum(one.answered.failed for one in rounds),
    )


def _of_sent(found: Round, share: float) -> float:
    """The percentile of all that was sent: what has no answer is slower than what has; the longest, where none is."""
    took = found.answered.latencies
    place = math.ceil(share * (len(took) + found.answered.failed))
    return took[min(max(place, 1), len(took)) - 1]


def fair_rate(points: Sequence[Point], advised: int, configured: int, target: Target) -> float:
    """The target, where both numbers of workers can do it; else 70 % of what the weaker one does.

    Of workers that were not swept it is what the next fewer ones do.
    """
    swept = max(point.workers for point in points if point.workers <= max(configured, 1))
    weaker = min(best(points, workers).rps.value for workers in (advised, swept))
    return target.rate if target.rate and target.rate < 0.9 * weaker else 0.7 * weaker


def _duel(
    stand: Testbed,
    configured: Settings,
    workers: int,
    points: Sequence[Point],
    target: Target,
    plan: Schedule,
    say: Say,
) -> tuple[FixedRate, ...]:
    """The advised workers and the configured ones at the same rate; empty when they are the same."""
    if workers == configured.workers:
        return ()
    say(f"{workers} against the configured {configured.workers} workers, at the same rate")
    advised = stand.serve(Settings(workers, configured.connections, configured.backlog, configured.keepalive))
    theirs = stand.serve(configured)
    top = best(points, workers)
    rate = fair_rate(points, workers, configured.workers, target)
    for subject in (advised, theirs):
        stand.load(subject, top.connections, WARM)
    return _paced(stand, [advised, theirs], [(rate / top.rps.value, rate)], widen(top.connections), plan)
