"""The stock stack at full work, as an application programmer would write it: Falcon, PyJWT, `logging`, urllib3."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections import Counter

import falcon
import jwt
import urllib3

from perf import identity
from perf.peers.stock import HOP_BY_HOP, UPSTREAM

RATE, BURST = 500_000.0, 1_000_000.0
BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, float("inf"))  # seconds

log = logging.getLogger("access")
log.setLevel(logging.INFO)
log.propagate = False
log.addHandler(logging.FileHandler("/dev/null"))


class Buckets:
    """Token buckets by key."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[float, float]] = {}

    def take(self, key: str) -> bool:
        """Whether there was one more."""
        now = time.monotonic()
        level, at = self.kept.get(key, (BURST, now))
        level = min(BURST, level + (now - at) * RATE)
        self.kept[key] = (level - (level >= 1), now)
        return level >= 1


class Line:
    """Everything around the proxying."""

    def __init__(self) -> None:
        self.buckets, self.statuses, self.times = Buckets(), Counter[int](), Counter[float]()

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Who calls, whether it may, and the names that the request is known by."""
        req.context.start = time.perf_counter()
        req.context.id = req.get_header("X-Request-Id") or str(uuid.uuid4())
        parent = req.get_header("traceparent")
        trace = parent.split("-")[1] if parent else uuid.uuid4().hex
        req.context.traceparent = f"00-{trace}-{uuid.uuid4().hex[:16]}-00"
        scheme, _, token = (req.auth or "").partition(" ")
        try:
            claims = jwt.decode(
                token if scheme.lower() == "bearer" else "",
                identity.SECRET,
                algorithms=["HS256"],
                audience=identity.AUDIENCE,
                issuer=identity.ISSUER,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.InvalidTokenError:
            raise falcon.HTTPUnauthorized from None
        if "items:read" not in claims.get("scope", "").split():
            raise falcon.HTTPForbidden
        if not (self.buckets.take("all") and self.buckets.take(claims["sub"])):
            raise falcon.HTTPTooManyRequests

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: object, succeeded: bool) -> None:
        """Metrics and the log line."""
        took = time.perf_counter() - req.context.start
        status = falcon.http_status_to_code(resp.status)
        self.statuses[status] += 1
        self.times[next(bound for bound in BOUNDS if took <= bound)] += 1
        resp.set_header("X-Request-Id", req.context.id)
        line = {"id": req.context.id, "method": req.method, "path": req.path, "status": status, "seconds": took}
        log.info(json.dumps(line | {"at": time.time(), "client": req.remote_addr}))


class Pass:
    """One route: passes a request on and its answer back."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, **_: object) -> None:
        """The only method that the routes have."""
        headers = {name: value for name, value in req.headers.items() if name.lower() not in HOP_BY_HOP | {"host"}}
        headers |= {"X-Request-Id": req.context.id, "traceparent": req.context.traceparent}
        answer = urllib3.request(
            "GET", UPSTREAM + req.relative_uri, headers=headers, redirect=False, decode_content=False
        )
        resp.status = answer.status
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                resp.set_header(name, value)
        resp.data = answer.data


class Metrics:
    """What was counted."""

    def __init__(self, line: Line):
        self.line = line

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """As JSON."""
        resp.media = {"statuses": dict(self.line.statuses), "seconds": {str(k): v for k, v in self.line.times.items()}}


line = Line()
application = falcon.App(middleware=[line])
application.add_route("/metrics", Metrics(line))
for number in range(99):
    application.add_route(f"/svc{number}/{{a}}/things/{{b:int}}", Pass())
application.add_route("/v1/items/{id:int}", Pass())
