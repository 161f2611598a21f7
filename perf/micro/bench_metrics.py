"""What counting costs a request, and what a reading costs whoever reads."""

from time import monotonic

from gateway._fast.histogram import Histogram
from gateway._fast.metrics import Call
from gateway.errors import NO_TARGET, GatewayError
from gateway.exchange import Exchange, Response
from gateway.observability.metrics.meter import MetricsRegions
from gateway.observability.metrics.reading import Reader
from perf.micro.run import Bench


def _exchange(status: int, error: str | None = None) -> Exchange:
    made = Exchange("GET", "/v1/items/42", [], {}, monotonic())
    made.request_id, made.client, made.upstream = "0123456789abcdef0123456789abcdef", "192.0.2.40", "catalog"
    made.response, made.sent, made.upstream_time, made.error = Response(status, [], b""), 75, 0.000345, error
    return made


def _busy(series: int) -> MetricsRegions:
    """A meter whose every series has requests of some ten durations, in four stripes."""
    made = MetricsRegions.private(4 * series)
    one = _exchange(200)
    for slot in range(4):
        made.claim(slot)
        for number in range(series):
            steps = made.step(f"route-{number}").steps
            for step in range(10):
                one.started = monotonic() - 0.0001 * 1.7**step
                assert steps.on_request and steps.on_close
                steps.on_request(one)
                steps.on_close(one)
    return made


def benches() -> list[Bench]:
    """What is run."""
    made = MetricsRegions.private()
    steps = made.step("item").steps
    begin, end = steps.on_request, steps.on_close
    assert begin is not None and end is not None
    good, bad, answer = _exchange(200), _exchange(503, "no-target"), Response(200, [])
    call: Call = made.call("catalog", "127.0.0.1:9101")
    failure = GatewayError(NO_TARGET)
    some = Histogram([0.001 * 1.01**number for number in range(500)])

    def both() -> None:
        begin(good)
        end(good)

    def failed() -> None:
        begin(bad)
        end(bad)

    def sent(exchange: Exchange, target: str, first: bytes, started: float) -> Response:
        return answer

    def refused(exchange: Exchange, target: str, first: bytes, started: float) -> Response:
        raise failure

    def try_refused() -> None:
        try:
            call.through(refused, good, "target", b"", good.started)
        except GatewayError:
            pass

    busy = _busy(1000)
    thousand = Reader(busy)
    hooks = [busy.step(f"route-{number}").steps.on_close for number in range(1000)]

    def changed() -> None:
        """One more request in each series, and a reading."""
        for hook in hooks:
            assert hook is not None
            hook(good)
        thousand.read()

    return [
        ("a request begun and ended", both, 200_000),
        ("the same, an error", failed, 100_000),
        ("a try answered", lambda: call.through(sent, good, "target", b"", good.started), 200_000),
        ("a try without the meter", lambda: sent(good, "target", b"", good.started), 200_000),
        ("a try refused", try_refused, 100_000),
        ("two histograms added", lambda: some.plus(some), 20_000),
        ("a quantile", lambda: some.quantile(0.99), 50_000),
        ("the step of a route that was there before", lambda: made.step("item"), 200_000),
        ("a reading of 1,000 series in four stripes, all changed", changed, 20),
        ("the same, none changed", thousand.read, 20),
    ]
