"""What the trace step costs a request: reading and writing the context, and the look at its end."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from time import monotonic

from gateway._fast.trace_context import Closer, Tracer, Watched
from gateway.contracts import RoutePlan
from gateway.exchange import Exchange, Headers, Response
from gateway.observability.tracing.records import encode
from perf.micro.run import Bench

LOOPS = 200_000
#: a browser's, by their number
HEADERS: Headers = [
    *(("Host", "api.example.com"), ("User-Agent", "Mozilla/5.0"), ("Accept", "*/*"), ("Accept-Encoding", "gzip, br")),
    *(("Accept-Language", "en"), ("Cookie", "session=1"), ("Cache-Control", "no-cache"), ("Referer", "https://a/")),
]
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"
ROUTE = RoutePlan("item", f"{Path(__file__).name}:1", (), lambda exchange: Response(200, []), 60.0, "catalog")


def request(headers: Headers) -> Exchange:
    """One that has been answered."""
    made = Exchange("GET", "/items/7", headers, {}, monotonic())
    made.path, made.scheme, made.version, made.authority = made.target, "http", "1.1", "api.example.com"
    made.client = made.peer = "192.0.2.1"
    made.request_id, made.route = "0" * 32, ROUTE
    made.response = Response(200, [])
    return made


def traced(tracer: Tracer, exchange: Exchange) -> None:
    """The step before the upstream is asked."""
    exchange.outgoing = None
    tracer(exchange)


def tried(tracer: Tracer, exchange: Exchange) -> bytes:
    """A sampled request from its first step to its bytes."""
    traced(tracer, exchange)
    trace = exchange.trace
    assert trace is not None
    trace.begin(exchange, "catalog", "127.0.0.1:9101", exchange.started)
    return encode(exchange, trace, "sampled", exchange.started + 0.01, 1.8e9)


def benches() -> list[Bench]:
    """What is run."""
    tracer, with_b3 = Tracer(0.0, False, False, os.urandom), Tracer(0.0, True, False, os.urandom)
    new, goes_on = request(HEADERS), request([*HEADERS, ("traceparent", f"{PARENT}0")])
    in_b3 = request([*HEADERS, ("b3", f"{PARENT[3:-2]}-0")])
    sampled = request([*HEADERS, ("traceparent", f"{PARENT}1")])
    with_state = request(
        [*HEADERS, ("traceparent", f"{PARENT}0"), ("tracestate", ",".join(f"vendor{n}=abcdef0123" for n in range(8)))]
    )
    traced(tracer, new)
    close = Closer(lambda *told: None, frozenset(("internal",)), 0.0)
    or_slow = Closer(lambda *told: None, frozenset(("internal",)), 10.0)
    return [
        ("unsampled, no context came", partial(traced, tracer, new), LOOPS),
        ("unsampled, traceparent", partial(traced, tracer, goes_on), LOOPS),
        ("unsampled, traceparent and 8 members of tracestate", partial(traced, tracer, with_state), LOOPS),
        ("unsampled, B3 looked for, none came", partial(traced, with_b3, new), LOOPS),
        ("unsampled, B3", partial(traced, with_b3, in_b3), LOOPS),
        ("unsampled, closing", partial(close, new), LOOPS),
        ("unsampled, closing with `slow`", partial(or_slow, new), LOOPS),
        ("unsampled, a watched step", partial(Watched("limit", lambda exchange: None), new), LOOPS),
        ("sampled, one try, until its bytes", partial(tried, tracer, sampled), LOOPS // 10),
    ]
