"""What comes before the policies of a request: its exchange, route, parameters and id; and one made on its behalf."""

from time import monotonic
from typing import Any

from gateway._fast.exchange_slots import another
from gateway._fast.ingress import is_plain, new_id
from gateway._fast.route import build
from gateway.contracts import Plan, RoutePlan
from gateway.exchange import Exchange, Response
from gateway.routing.ingress import decide
from perf.micro.bench_route import routes
from perf.micro.run import Bench

LOOPS = 50_000
ENVIRON: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "192.0.2.1",
    "HTTP_HOST": "api.example.com",
    "wsgi.url_scheme": "http",
    "gateway.headers": [("Host", "api.example.com")],
}


def _route(name: object) -> RoutePlan:
    return RoutePlan(str(name), "", (), lambda exchange: Response(200, []), 60.0, "catalog")


def benches() -> list[Bench]:
    """What is run; of a hundred routes one with a parameter is asked for."""
    plan = Plan(
        version="1",
        table=build([spec._replace(payload=_route(spec.payload)) for spec in routes(100)]),
        routes=(),
        unmatched=_route("unmatched"),
        refused=_route("refused"),
        trusted=(),
        max_body=1 << 20,
        pool_keys=frozenset(),
    )
    plain, coded = ENVIRON | {"RAW_URI": "/v1/orders-19/4711?page=2"}, ENVIRON | {"RAW_URI": "/v1/orders-19/47%31%31"}
    exchange: Exchange = decide(plan, plain, monotonic())
    fields = [("Host", "api.example.com"), ("Accept", "application/json")]
    return [
        ("decide", lambda: decide(plan, plain, 100.0), LOOPS),
        ("decide, a path to be decoded", lambda: decide(plan, coded, 100.0), LOOPS),
        ("a request on behalf of another", lambda: another(exchange, "GET", "/items/7", fields, 200.0), LOOPS),
        ("an id", new_id, LOOPS),
        ("is it plain", lambda: is_plain("/v1/orders-19/4711"), LOOPS),
    ]
