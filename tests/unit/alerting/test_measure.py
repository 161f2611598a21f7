import pytest

from gateway._fast.histogram import Histogram
from gateway.alerting.rules.expression import parse
from gateway.alerting.rules.measure import measure
from tests.unit.observer.paging_world import calls, figures, route


def value(text, held, covered=300.0):
    return measure(parse(f"{text} > {LIMITS.get(text.partition('(')[0], '1%')}").left, held, covered)


LIMITS = {"requests": "1/s", "p50": "1s", "p99": "1s", "upstream_p99": "1s"}
ITEM = route(
    {("GET", "2xx"): 80, ("GET", "5xx"): 5, ("POST", "4xx"): 15},
    {"rate-limited": 8, "blocked": 2, "upstream-reset": 5},
    {"cache_hit": 30, "cache_stale": 10, "cache_miss": 40, "cache_bypass": 20},
    Histogram([0.01] * 90 + [0.5] * 10),
)
HELD = figures({"item": ITEM, "": route({("GET", "4xx"): 100})}, {"catalog": calls({"2xx": 90, "5xx": 4}, {"x": 6})})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("error_rate(5m, route=item)", 0.05),
        ("error_rate(5m)", 0.025),
        ("client_error_rate(5m)", 0.575),
        ("requests(5m)", 200 / 300),
        ("requests(5m, route=item)", 100 / 300),
        ("limited(5m, route=item)", 0.1),
        ("cache_hit_rate(5m)", 0.5),
        ("p50(5m, route=item)", 0.01),
        ("p99(5m)", 0.5),
        ("slow(100ms, 5m)", 0.1),
        ("upstream_error_rate(upstream=catalog, 5m)", 0.1),
    ],
)
def test_values(text, expected):
    assert value(text, HELD) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    "text",
    ["error_rate(5m)", "limited(5m)", "cache_hit_rate(5m)", "p99(5m)", "slow(1s, 5m)", "p50(5m, route=gone)",
     "upstream_error_rate(upstream=catalog, 5m)", "upstream_p99(upstream=catalog, 5m)"],
)  # fmt: skip
def test_no_data_is_unknown(text):
    assert value(text, figures()) is None
    assert value(text, figures({"item": route()}, {"catalog": calls()})) is None


def test_no_requests_are_no_requests():
    assert value("requests(5m)", figures()) == 0.0
    assert value("requests(5m)", HELD, covered=10.0) == pytest.approx(20.0), "a rate over what is known"
    assert value("requests(5m)", HELD, covered=0.0) is None
