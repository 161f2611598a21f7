"""The gateway's configuration in the shape that a trial wants."""

from __future__ import annotations

import json
from pathlib import Path

from perf import identity
from perf.bodies import VALIDATE
from perf.scenario import Shape

ROOT = Path(__file__).parents[1]
#: all that stands between a request and a target that may fail
GUARDS: dict[str, object] = {
    "balance": "p2c",
    "retry": {"attempts": 2, "on": ["connect", "reset", 502, 503, 504], "budget": "20%", "backoff": "25ms"},
    "health": {"path": "/healthz", "every": "5s", "timeout": "1s", "fall": 3, "rise": 2, "expect": [200]},
    "outlier": {"consecutive_5xx": 5, "eject_for": "30s", "max_ejected": "50%"},
    "circuit_breaker": {"failure_rate": "50%", "window": "10s", "min_requests": 20, "open_for": "5s", "half_open": 3},
}

#: limits that never refuse here: what is measured is asking them
FOR_ALL: dict[str, object] = {"name": "global", "per": "all", "rate": "500000/s", "burst": 1_000_000}
PER_CLIENT: dict[str, object] = {"per": "client", "rate": "500000/s", "burst": 1_000_000}

#: the upstream says of no file what it is
COMPRESS: dict[str, object] = {"compress": {"types": ["application/octet-stream"]}}
TRANSFORM: dict[str, object] = {"transform": {"response": {"json": {"remove": ["price"]}}}}

#: what the measured route does; an aggregate asks for the same five times
ACTIONS: dict[str, dict[str, object]] = {
    "": {"upstream": "up"},
    "aggregate": {
        "aggregate": {"parts": {f"p{number}": {"upstream": "up", "path": f"/v1/items/{number}"} for number in range(5)}}
    },
    "grpc": {"grpc": {"upstream": "pricing", "reflection": True}},
}


def limit(spec: dict[str, object], shape: Shape) -> dict[str, object]:
    """A limit of this shape."""
    return spec | ({"sync": shape.redis} if shape.redis else {})


def gateway_config(
    shape: Shape, port: int, admin: int, upstream: int, *, store: int = 0, grpc: int = 0, statsd: int = 0
) -> str:
    """A configuration of this shape as JSON, or the named file of the repository listening on these ports instead."""
    if shape.file:
        text = (ROOT / shape.file).read_text()
        text = text.replace("quickstart.pem", str(ROOT / "conf" / "quickstart.pem"))  # `make` puts it there
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{port}").replace("127.0.0.1:8001", f"127.0.0.1:{admin}")
    routes: list[dict[str, object]] = [
        {"name": f"r{i}", "match": {"path": f"/svc{i}/{{a}}/things/{{b:int}}", "methods": ["GET"]}, "upstream": "up"}
        for i in range(shape.routes - 1)
    ]
    match: dict[str, object] = {"path": shape.path} | ({"methods": list(shape.methods)} if shape.methods else {})
    more = (identity.ROUTE if shape.auth else {}) | ({"rate_limit": limit(PER_CLIENT, shape)} if shape.limits else {})
    more |= {"validate": VALIDATE} if shape.validated else {}
    more |= {"sanitize": {"sql_injection": "block", "xss": "block"}} if shape.sanitized else {}
    more |= (COMPRESS if shape.compress else {}) | (TRANSFORM if shape.transform else {})
    more |= {"cache": {"ttl": shape.cache}} if shape.cache else {}
    routes.append({"name": "measured", "match": match} | ACTIONS[shape.action] | more)
    return json.dumps(
        {
            **(identity.SECTIONS if shape.auth else {}),
            **({"rate_limits": [limit(FOR_ALL, shape)]} if shape.limits else {}),
            **({"store": f"redis://127.0.0.1:{store}/0"} if shape.redis else {}),
            "version": 1,
            "server": {
                "bind": f"127.0.0.1:{port}",
                "admin": f"127.0.0.1:{admin}",
                "workers": shape.workers,
                "connections": shape.connections,
                "limits": {"body": shape.body_limit},
            },
            "upstreams": {
                "up": _upstream(shape, upstream),
                **({"pricing": {"targets": [f"grpc://127.0.0.1:{grpc}"]}} if grpc else {}),
            },
            "observability": {
                "access_log": {"format": "json", "to": "/dev/null"},
                **_observed(shape, upstream, statsd),
            },
            "routes": routes,
        },
        indent=1,
    )


def _observed(shape: Shape, upstream: int, statsd: int) -> dict[str, object]:
    """All that is told of requests, or the access log alone; what speaks OTLP is the upstream, which takes anything."""
    if not shape.observed:
        return {"metrics": "off", "dashboard": False}
    return {
        "metrics": "on",
        "dashboard": True,
        "statsd": {"host": "127.0.0.1", "port": statsd, "prefix": "gateway", "every": "1s"},
        "tracing": {"otlp": f"http://127.0.0.1:{upstream}", "sample": shape.observed, "service": "gateway"},
    }


def _upstream(shape: Shape, port: int) -> dict[str, object]:
    targets = [f"http://127.0.0.{1 + number}:{port}" for number in range(shape.targets)]
    guards = GUARDS if shape.guarded else {}
    return {"targets": targets, "pool": {"max_connections": 600}, **guards}
