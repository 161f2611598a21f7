"""Limits on the page: what a request pays that walks both steps and is told what is left."""

from functools import partial

from gateway.config.document import loads
from gateway.contracts import RoutePlan
from gateway.exchange import Exchange, Response
from gateway.ratelimit.compile import Limits
from gateway.ratelimit.runtime import RateLimitRuntime
from perf.micro.run import Bench

LOOPS = 100_000
TEXT = """\
version: 1
upstreams: {a: {targets: [http://127.0.0.1:9]}}
rate_limits: [{name: global, per: all, rate: 1000000/s, burst: 100000000}]
routes:
  - name: item
    match: {path: "/items/{id}"}
    upstream: a
    rate_limit:
      - {per: ip, rate: 1000000/s, burst: 100000000}
      - {per: client, rate: 1000000/s, burst: 100000000}
"""


def line(system: bool, names: set[str]) -> RoutePlan:
    """A route that does nothing but ask its limits of these names."""
    document = loads(TEXT, "bench.yaml")
    own = tuple(limit for limit in document.routes[0].rate_limit if limit.name in names)
    limits = Limits(document.rate_limits if system else (), RateLimitRuntime.private())
    steps = tuple(limits.steps("item", own))
    return RoutePlan("item", "bench.yaml:1", steps, lambda exchange: Response(200, []), 60.0, "a")


def walk(route: RoutePlan) -> None:
    """One request."""
    exchange = Exchange("GET", "/items/7", [], {}, 0.0)
    exchange.client = "192.0.2.1"
    response = Response(200, [])
    for on_request in route.on_request:
        on_request(exchange)
    for on_response in route.back[-1]:
        on_response(exchange, response)


def benches() -> list[Bench]:
    """What is run."""
    return [
        ("no limit (the bench itself)", partial(walk, line(False, set())), LOOPS),
        ("one limit, per ip", partial(walk, line(False, {"ip"})), LOOPS),
        ("one limit for all", partial(walk, line(True, set())), LOOPS),
        ("three limits in both steps", partial(walk, line(True, {"ip", "client"})), LOOPS),
    ]
