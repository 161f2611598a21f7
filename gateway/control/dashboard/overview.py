"""`GET /api/overview` and `GET /api/history`: what happened and how everything is, as JSON (docs/observe.md)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any, Final

import falcon

from gateway import __version__
from gateway.admin.resource import check_parameters, check_routes
from gateway.config.model import Document
from gateway.control.dashboard import series
from gateway.control.dashboard.rows import calls_row, failure_row, limits_row, route_row, vitals_row
from gateway.control.workers import worker_row
from gateway.errors import BAD_CHANGE, GatewayError
from gateway.observability.collector.component import CollectorContext, Component, Sample
from gateway.observability.metrics.arithmetic import NO_CALLS, all_routes
from gateway.observability.metrics.snapshot import Snapshot
from gateway.ratelimit.bucket_table import buckets_of

log = logging.getLogger("gateway")

#: what `range` may be, and its seconds
RANGES: Final = {"10s": 10.0, "1m": 60.0, "5m": 300.0, "1h": 3600.0, "24h": 86400.0, "48h": 172800.0}
RANGE: Final = "5m"
ROUTES: Final = 1000
#: how the names of routes begin that no file has: the gateway's own
OWN: Final = "auth:"
CLIENTS: Final = 20


class Overview:
    """The part that tells how everything is."""

    def __init__(self, world: CollectorContext) -> None:
        self._world = world
        self._buckets = buckets_of(world.page)
        self._document: Document | None = None
        self._bodies: dict[str, bytes] = {}

    def configure(self, document: Document) -> None:
        """Take a configuration."""
        self._document = document

    def tick(self, now: float, figures: Snapshot) -> None:
        """What was told a second ago is old."""
        self._bodies.clear()

    def resources(self) -> Mapping[str, object]:
        """What it serves."""
        return {"/api/overview": _Overview(self), "/api/history": _History(self)}

    def metrics(self) -> Iterable[Sample]:
        """What the history takes."""
        yield "gateway_observer_history_bytes", "gauge", {}, float(self._world.history.size)

    def close(self) -> None:
        """Nothing is open."""

    def body(self, name: str) -> bytes:
        """The overview of a range of RANGES as one line of JSON; made once a second, whoever asks."""
        body = self._bodies.get(name)
        if body is None:
            body = self._bodies[name] = json.dumps(self.look(name), ensure_ascii=False, separators=(",", ":")).encode()
        return body

    def history(self, name: str, route: str | None) -> dict[str, Any]:
        """How it was over a range of RANGES, of all routes or of one. Raises GatewayError for one that there is not."""
        if route and not route.startswith(OWN) and self._document is not None:
            check_routes(self._document, (route,), lambda: self._world.history.since(RANGES["48h"]).routes)
        return series.of(self._world.history, RANGES[name], route)

    def look(self, name: str) -> dict[str, Any]:
        """The overview of a range of RANGES."""
        history, own = self._world.history, self._world.own.figures
        seconds = RANGES[name]
        covered = max(1.0, min(seconds, history.covered()))
        came = history.since(seconds)
        lately = history.since(RANGES["10s"])
        total = all_routes(came.routes.values())
        now = route_row("", all_routes(lately.routes.values()), max(1.0, min(10.0, history.covered())))
        routes = [route_row(route, each, covered) for route, each in came.routes.items()]
        routes.sort(key=lambda row: (-row["requests"], row["name"]))
        return {
            "at": round(history.now, 3),
            "range": name,
            "seconds": seconds,
            "covered": round(covered, 3),
            "gateway": {
                "version": __version__,
                "plan": own.version,
                "generation": own.generation,
                "config_age": round(own.config_age, 1),
                "config_mistakes": own.config_refused,
                "certificates": {host: None if isnan(left) else round(left) for host, left in own.certificates.items()},
            },
            "now": now,
            "total": route_row("", total, covered),
            "routes": routes[:ROUTES],
            "upstreams": self._upstreams(came, covered),
            "workers": self._workers(),
            "clients": [{"address": address, "requests": count} for address, count in came.clients[:CLIENTS]],
            "failures": [failure_row(each) for each in came.failures],
            "limits": limits_row(total, self._buckets),
            "overflow": came.overflow,
        }

    def _upstreams(self, came: Snapshot, seconds: float) -> list[dict[str, Any]]:
        """How each upstream is, and what was asked of it."""
        rows = self._world.looks.rows(self._world.history.current.targets)
        for row in rows:
            name = row["name"]
            row.update(calls_row(came.upstreams.get(name, NO_CALLS), seconds))
            for target in row["targets"]:
                target.update(calls_row(came.targets.get((name, target["address"]), NO_CALLS), seconds))
        return rows

    def _workers(self) -> list[dict[str, Any]]:
        own = self._world.own.figures
        return [
            worker_row(worker) | {"slot": slot} | vitals_row(own.vitals.get(slot))
            for slot, worker in own.workers.items()
        ]


def requested_range(req: falcon.Request, default: str = RANGE) -> str:
    """The `range` of a request. Raises GatewayError."""
    name = req.get_param("range") or default
    if name not in RANGES:
        raise GatewayError(BAD_CHANGE, f"`range` is one of {', '.join(RANGES)}.")
    return name


class _Overview:
    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell how everything is."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = self._overview.body(requested_range(req))

    on_head = on_get


class _History:
    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell how it was over time, of all routes or of one."""
        check_parameters(req, ("range", "route"))
        name = requested_range(req)
        body = self._overview.history(name, req.get_param("route"))
        resp.content_type = falcon.MEDIA_JSON
        resp.data = json.dumps({"range": name, **body}, ensure_ascii=False, separators=(",", ":")).encode()

    on_head = on_get


def components(world: CollectorContext, others: Sequence[Component]) -> list[Component]:
    """What the collector runs of it."""
    return [Overview(world)]
