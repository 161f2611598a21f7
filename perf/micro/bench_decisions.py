"""What the decisions about failing upstreams cost a request: on its good way, and when something is wrong."""

from functools import partial

from gateway.upstream.resilience import adaptive_limit as overload
from gateway.upstream.resilience import backoff, hedge, outlier, retry
from gateway.upstream.resilience import circuit_breaker as breaker
from gateway.upstream.resilience import health_check as health
from gateway.upstream.resilience import retry_budget as budget
from gateway.upstream.resilience.options import CircuitBreaker, Health, Outlier, Retry
from perf.micro.run import Bench

LOOPS = 200_000
NOW = 1_000_000
WHERE = "bench:1"


def benches() -> list[Bench]:
    """What is run; words and rules as a request meets them."""
    rules = breaker.CircuitBreakerPolicy.of(CircuitBreaker(0.5, 2.0, 0.5, 10.0, 20, 5.0, 3, WHERE), 8.0)
    ejection = outlier.OutlierPolicy.of(Outlier(5, 30.0, 0.5, WHERE))
    again = retry.RetryPolicy.of(Retry(2, ("connect", 502, 503), ("GET", "HEAD"), 0.2, 0.025, 65536, WHERE))
    checks = health.HealthCheckPolicy.of(Health("/healthz", 5.0, 1.0, 3, 2, (200,), WHERE))
    opened = breaker.trip(0, NOW, (20, 20, 0), rules)
    seen, limiter = hedge.Latencies(0.95), overload.AdaptiveLimit()
    line: overload.WaitQueue[int] = overload.WaitQueue(100)
    fleet, usable = tuple(range(8)), [True] * 8

    def wait_and_go() -> None:
        line.join(1, NOW)
        line.next(NOW)

    return [
        ("breaker, admit by a closed one", partial(breaker.admit, 0, NOW, rules), LOOPS),
        ("breaker, admit refused", partial(breaker.admit, opened, NOW, rules), LOOPS),
        ("breaker, trip looked at", partial(breaker.trip, 0, NOW, (1000, 1, 0), rules), LOOPS),
        ("outlier, a good answer", partial(outlier.observe, 0, False, NOW, True, ejection), LOOPS),
        ("outlier, a failure", partial(outlier.observe, 0, True, NOW, True, ejection), LOOPS),
        ("outlier, is ejected", partial(outlier.is_ejected, 0, NOW), LOOPS),
        ("health, is up", partial(health.is_up, 1), LOOPS),
        ("health, a check", partial(health.observe, 1, 200, NOW, checks), LOOPS),
        ("eligible, 8 targets", partial(health.eligible, fleet, usable, 0.5), LOOPS // 4),
        ("retry, should", partial(retry.should_retry, 503, "GET", 0, True, True, again), LOOPS),
        ("budget, may retry", partial(budget.may_retry, 1000, 10, 200_000), LOOPS),
        ("backoff, delay", partial(backoff.delay, 2, 0.025, 0.5), LOOPS),
        ("hedge, a latency", partial(seen.record, 0.0123), LOOPS),
        ("hedge, the percentile", partial(seen.quantile, NOW), LOOPS),
        ("overload, verdict", partial(overload.verdict, 3, 10, 0, 100), LOOPS),
        ("overload, a sample", partial(limiter.on_sample, 0.0123, 3, NOW), LOOPS),
        ("overload, into the line and out", wait_and_go, LOOPS),
    ]
