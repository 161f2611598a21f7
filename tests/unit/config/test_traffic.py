"""What an upstream says about failures: what is read, what is unwritten, and every complaint about it."""

# ruff: noqa: E501 (a table has a row a line)

import pytest

from gateway.config.document import loads
from gateway.upstream.resilience.options import CircuitBreaker, Health, Hedge, Outlier, Overload, Retry

HEAD = "version: 1\nroutes: []\nupstreams:\n  app: "


def upstream(rest: str) -> str:
    """An upstream on line 4; what is given begins in column 9."""
    return f"{HEAD}{{{rest}}}\n"


def read(rest: str):
    return loads(upstream(f"targets: [http://h], {rest}"), "x.yaml").upstreams[0]


def test_what_is_not_written_is_not_there():
    app = read("pool: {}")
    found = (app.health, app.outlier, app.circuit_breaker, app.retry, app.hedge, app.overload)
    assert found == (None,) * 6
    assert app.panic == 0.0
    assert loads("version: 1\n").server.overload is None


def test_what_is_not_written_inside_a_section_has_a_default():
    where = "x.yaml:4"
    idempotent = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
    assert read("retry: {}").retry == Retry(
        2, ("connect", "reset", 502, 503, 504), idempotent, 0.2, 0.025, 65536, where
    )
    assert read("hedge: {}").hedge == Hedge(0.0, 0.95, 0.05, where)
    assert read("health: {path: /h}").health == Health("/h", 5.0, 1.0, 3, 2, (200,), where)
    assert read("outlier: {}").outlier == Outlier(5, 30.0, 0.5, where)
    assert read("circuit_breaker: {}").circuit_breaker == CircuitBreaker(0.5, 0.0, 0.5, 10.0, 20, 5.0, 3, where)
    assert read("overload: {max_concurrency: adaptive}").overload == Overload(None, 100, where)


def test_what_is_written_is_read():
    app = read(
        "retry: {attempts: 1, on: [503, reset, 503], methods: [PATCH, GET], non_idempotent: true, budget: 10%, backoff: 1s, max_body: 0B}, "
        "hedge: {after: 300ms, max: 1%}, panic: 40%, health: {path: '/h?x=1', every: 1s, timeout: 1s, fall: 1, rise: 1, expect: [204, 200]}, "
        "outlier: {consecutive_5xx: 2, eject_for: 1s, max_ejected: 100%}, overload: {max_concurrency: 8, queue: 0}, "
        "circuit_breaker: {failure_rate: 25%, slow_call: 2s, slow_rate: 75%, window: 1m, min_requests: 5, open_for: 1s, half_open: 1}"
    )  # fmt: skip
    where = "x.yaml:4"
    assert app.retry == Retry(1, (503, "reset"), ("PATCH", "GET"), 0.1, 1.0, 0, where)
    assert app.hedge == Hedge(0.3, 0.0, 0.01, where)
    assert app.panic == 0.4
    assert app.health == Health("/h?x=1", 1.0, 1.0, 1, 1, (204, 200), where)
    assert app.outlier == Outlier(2, 1.0, 1.0, where)
    assert app.overload == Overload(8, 0, where)
    assert app.circuit_breaker == CircuitBreaker(0.25, 2.0, 0.75, 60.0, 5, 1.0, 1, where)


def test_the_server_has_one_for_every_upstream():
    document = loads("version: 1\nserver: {overload: {max_concurrency: adaptive, queue: 7}}\n", "x.yaml")
    assert document.server.overload == Overload(None, 7, "x.yaml:2")
    assert loads("version: 1\nserver: {}\n", "x.yaml").shown.count("overload") == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry: {methods: [GET, POST]}", 'x.yaml:4:32: upstreams.app.retry.methods[1]: "POST" is not idempotent: a second try may do it twice (if doing'),
        ("retry: {methods: [PATCH]}", "write `non_idempotent: true` beside it"),
        ("retry: {methods: [GET, POST], non_idempotent: true}", None),
        ("retry: {methods: [GET], non_idempotent: true}", "x.yaml:4:33: upstreams.app.retry.non_idempotent: `non_idempotent` has no effect"),
        ("retry: {non_idempotent: true}", "`non_idempotent` has no effect"),
        ("retry: {methods: [get]}", '"get" is not a method in upper case (RFC 9110 section 9.1) (did you mean `GET`?)'),
        ("retry: {methods: [TRACE]}", '"TRACE" is never routed'),
        ("retry: {methods: []}", "retry.methods: the list is empty"),
        ("retry: {on: []}", "retry.on: the list is empty"),
        ("retry: {on: [conect]}", "retry.on[0]: expected `connect`, `reset` or a status from 200 to 599, found \"conect\" (did you mean `connect`?)"),
        ("retry: {on: [99]}", "retry.on[0]: expected `connect`, `reset` or a status from 200 to 599, found the number 99"),
        ("retry: {attempts: 0}", "retry.attempts: expected a whole number from 1 to 10"),
        ("retry: {budget: 0%}", "retry.budget: `budget: 0%`: nothing is ever tried again"),
        ("retry: {budget: 20}", "a number needs its unit: `20%`?"),
        ("retry: {backoff: 0s}", "expected a duration longer than zero"),
        ("retry: {atempts: 1}", "unknown key (did you mean `attempts`?)"),
        ("hedge: {after: p96}", "hedge.after: expected"),
        ("hedge: {after: 5}", "hedge.after: expected p50, p75, p90, p95, p99 or a duration, found the number 5"),
        ("hedge: {max: 0%}", "`max: 0%`: there is never a second try"),
        ("hedge: {after: 9s}, timeout: {total: 9s}", "hedge.after: `after` has no effect: every exchange ends at 9s"),
        ("health: {}", "x.yaml:4:17: upstreams.app.health.path: is missing"),
        ("health: {path: healthz}", 'health.path: expected a path such as /healthz, found "healthz"'),
        ("health: {path: '/a b'}", "health.path: expected a path such as /healthz"),
        ("health: {path: '/a#b'}", "health.path: expected a path such as /healthz"),
        ("health: {path: /, every: 500ms}", "health.every: `timeout` is longer than `every`: checks would overtake each other"),
        ("health: {path: /, every: 5s, timeout: 6s}", "health.timeout: `timeout` is longer than `every`"),
        ("health: {path: /, expect: [OK]}", "health.expect[0]: expected a whole number from 200 to 599"),
        ("health: {path: /, fall: 0}", "health.fall: expected a whole number from 1 to 100"),
        ("outlier: {max_ejected: 0%}", "outlier.max_ejected: `max_ejected: 0%`: no target is ever left out"),
        ("outlier: {consecutive_5xx: 0}", "expected a whole number from 1 to 1,000"),
        ("outlier: {eject_for: 0s}", "expected a duration longer than zero"),
        ("circuit_breaker: {failure_rate: 0%}", "circuit_breaker.failure_rate: `failure_rate: 0%`: it would open without a failure"),
        ("circuit_breaker: {slow_rate: 10%}", "circuit_breaker.slow_rate: `slow_rate` has no effect without `slow_call`"),
        ("circuit_breaker: {slow_call: 2s, slow_rate: 0%}", "`slow_rate: 0%`: it would open without a slow call"),
        ("circuit_breaker: {slow_call: 60s}", "circuit_breaker.slow_call: `slow_call` has no effect: every exchange ends at 60s"),
        ("circuit_breaker: {slow_call: soon}", "circuit_breaker.slow_call: expected a duration longer than zero"),
        ("circuit_breaker: {half_open: 51}", "expected a whole number from 1 to 50"),
        ("circuit_breaker: {halfopen: 5}", "unknown key (did you mean `half_open`?)"),
        ("overload: {queue: 5}", "overload.max_concurrency: is missing"),
        ("overload: {max_concurrency: adaptiv}", 'expected `adaptive` or a whole number from 1 to 65,535, found "adaptiv" (did you mean `adaptive`?)'),
        ("overload: {max_concurrency: 0}", "overload.max_concurrency: expected `adaptive` or a whole number from 1 to 65,535"),
        ("panic: 50", "upstreams.app.panic: expected a share such as 5% or 100%, found the number 50 (a number needs its unit: `50%`?)"),
    ],
)  # fmt: skip
def test_one_mistake_gets_one_complaint(complaints, text, expected):
    found = complaints(upstream(text))
    if expected is None:
        assert found == []
    else:
        assert len(found) == 1
        assert expected in found[0]


def test_a_mistake_in_the_servers_section(complaints):
    (found,) = complaints("version: 1\nserver: {overload: {queue: 1}}\n")
    assert found.startswith(
        "x.yaml:2:20: server.overload.max_concurrency: is missing (Most requests in flight to one up"
    )


def test_values_from_references_are_read_like_others(complaints):
    text = upstream("targets: [http://h], retry: {attempts: '${env:A}', on: ['${env:S}']}, panic: '${env:P}'")
    app = loads(text, "x.yaml", env={"A": "3", "S": "503", "P": "50%"}).upstreams[0]
    assert (app.retry.attempts, app.retry.on, app.panic) == (3, (503,), 0.5)
    assert len(complaints(text, A="3", P="50%")) == 1
