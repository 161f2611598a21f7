"""Figures for tests, made of few words."""

from gateway._fast.histogram import Histogram
from gateway.observability.metrics.snapshot import Failure, RouteStats, Snapshot, UpstreamStats

NONE = Histogram()


def route(requests=None, errors=None, outcomes=None, in_flight=0, sent=0, durations=(), *more):
    """`requests` may be a number of good GETs; `more` are the times of upstreams and of the gateway."""
    counted = {("GET", "2xx"): requests} if isinstance(requests, int) and requests else requests or {}
    upstream, own = (*more, (), ())[:2]
    times = Histogram(durations), Histogram(upstream), Histogram(own)
    return RouteStats(counted, errors or {}, outcomes or {}, in_flight, sent, *times)


def calls(answers=None, failures=None, retries=0, hedges=0, in_flight=0, durations=()):
    counted = {"2xx": answers} if isinstance(answers, int) and answers else answers or {}
    return UpstreamStats(counted, failures or {}, retries, hedges, in_flight, Histogram(durations))


def figures(routes=None, upstreams=None, targets=None, at=0.0, failures=(), clients=(), overflow=0):
    return Snapshot(at, routes or {}, upstreams or {}, targets or {}, tuple(failures), tuple(clients), overflow)


def failure(at, status=502, error="upstream-refused"):
    return Failure(at, "id", "GET", "item", "one", status, error)
