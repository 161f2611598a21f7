"""Measurements for tests, of a machine that does what it is told."""

from gateway.tuning.config import Settings
from gateway.tuning.measurement import Burst, FixedRate, KeepAliveRun, Measured, NewConnectionRun, Point
from gateway.tuning.statistics import spread

CONFIGURED = Settings(2, 4000)


def point(workers=1, connections=16, rps=10_000.0, cpu_us=100.0, limit="gateway", memory_mb=70.0):
    return Point(workers, connections, spread([rps]), 1.0, 4.0, cpu_us, memory_mb, 1.0, 0.5, 0, limit)


def paced(share=0.5, p99_ms=2.0, *, workers=1, answered=1000, failed=0, cpu_us=100.0, memory_mb=70.0, rounds=None):
    rate, p99 = share * 10_000, spread(rounds or [p99_ms])
    return FixedRate(
        Settings(workers, 4000), share, rate, spread([1.0]), p99, 20.0, 0.1, cpu_us, memory_mb, answered, failed
    )


def measured(points=None, curve=None, duel=(), others=0.0, each_kb=10.0):
    points = points or (
        point(1, 1, 3_000.0),
        point(1, 16, 10_000.0),
        point(1, 64, 9_900.0),
        point(2, 16, 12_000.0, limit="cores"),
    )
    curve = curve or (paced(0.5, 2.0), paced(0.7, 4.0), paced(0.9, 60.0))
    return Measured(
        2,
        tuple(points),
        KeepAliveRun(65.0, 400, each_kb),
        NewConnectionRun(4_000.0, 180.0),
        Burst(1000, 90.0, 0),
        tuple(curve),
        duel,
        others,
        60.0,
    )
