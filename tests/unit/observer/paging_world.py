"""A world for parts that watch: figures, rows and vitals as a test says, on its clock."""

from types import SimpleNamespace

from gateway._fast.histogram import Histogram
from gateway.observability.metrics.snapshot import RouteStats, Snapshot, UpstreamStats
from gateway.state.memory_store import CAPACITY

NOTHING = Histogram()


def route(requests=None, errors=None, outcomes=None, duration=NOTHING, in_flight=0):
    return RouteStats(requests or {}, errors or {}, outcomes or {}, in_flight, 0, duration, NOTHING, NOTHING)


def calls(answers=None, failures=None, duration=NOTHING):
    return UpstreamStats(answers or {}, failures or {}, 0, 0, 0, duration)


def figures(routes=None, upstreams=None):
    return Snapshot(0.0, routes or {}, upstreams or {}, {}, (), (), 0)


class History:
    """Gives the same figures for every window."""

    def __init__(self):
        self.held = figures()
        self.current = figures()
        self.asked = []
        self.kept = None

    def keep(self, first):
        self.kept = first

    def since(self, seconds, now=None):
        self.asked.append(seconds)
        return self.held

    def covered(self):
        return 1e9


class World:
    def __init__(self, folder):
        self.folder = folder
        self.history = History()
        self.rows = []
        self.looks = SimpleNamespace(rows=lambda seen: self.rows)
        self.own = SimpleNamespace(figures=own())
        self.room = CAPACITY


def own(**members):
    given = {
        "loop_lag": 0.002, "memory": 50 << 20, "certificate_expiry": float("inf"), "config_refused": 0,
        "vitals": {0: None}, "workers": {0: None, 1: None}, "open_connections": 30, "connections": 100,
    }  # fmt: skip
    return SimpleNamespace(**{**given, **members})
