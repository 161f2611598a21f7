"""The dashboard: its page and files, `GET /api/live` (an event a second), `GET /api/trends` (docs/dashboard.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

import falcon

from gateway.config.model import Document
from gateway.control.dashboard import series
from gateway.control.dashboard.events import MOST, EventStream, event
from gateway.control.dashboard.overview import Overview
from gateway.control.dashboard.static_files import PAGE, StaticFiles
from gateway.control.dashboard.trends import RANGES, Trends
from gateway.errors import BAD_CHANGE, OBSERVER_UNAVAILABLE, ROUTE_NOT_FOUND, GatewayError
from gateway.observability.collector.component import CollectorContext, Component, Sample
from gateway.observability.metrics.snapshot import Snapshot

#: seconds for which trends are told again as they were
KEPT: Final = {"5m": 3.0, "1h": 15.0, "24h": 60.0}

Alerts = Callable[[], list[dict[str, Any]]]


@runtime_checkable
class HasRows(Protocol):
    """The component that has alerts."""

    def alert_rows(self) -> list[dict[str, Any]]:
        """The alerts, for people."""


class Dashboard:
    """Works only while somebody looks: an idle page costs nothing, and each figure is put into words once for all."""

    def __init__(self, world: CollectorContext, overview: Overview, alerts: Alerts) -> None:
        self._history = world.history
        self._overview = overview
        self._alerts = alerts
        self._shell = StaticFiles()
        self._trends = Trends(world.history)
        self._viewers = EventStream()
        self._kept: dict[str, tuple[float, bytes]] = {}
        self._is_on = False

    def configure(self, document: Document) -> None:
        """Take a configuration; who looks at a dashboard that is turned off is sent away."""
        self._is_on = document.dashboard
        if not self._is_on:
            self._viewers.close()

    def tick(self, now: float, figures: Snapshot) -> None:
        """Tell all who look."""
        for name in self._viewers.shown:
            self._viewers.send(name, self._event(name))

    def resources(self) -> Mapping[str, object]:
        """What it serves."""
        return {
            "/dashboard": _Page(self),
            "/dashboard/{name:path}": _Page(self),
            "/api/live": _Live(self),
            "/api/trends": _Trends(self),
        }

    def metrics(self) -> Iterable[Sample]:
        """Who looks."""
        if self._is_on:
            yield "gateway_dashboard_viewers", "gauge", {}, float(len(self._viewers))
            yield "gateway_dashboard_viewers_dropped_total", "counter", {}, float(self._viewers.dropped)

    def close(self) -> None:
        """End the streams."""
        self._viewers.close()

    def file(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Send a file of the page. Raises GatewayError."""
        self._check()
        self._shell.answer(req, resp, name)

    def stream(self, resp: falcon.Response, name: str) -> None:
        """Send events of a range until the viewer goes. Raises GatewayError where there are too many."""
        self._check()
        if self._viewers.is_full:
            raise GatewayError(OBSERVER_UNAVAILABLE, f"{MOST} viewers look already.", headers=(("Retry-After", "10"),))
        resp.content_type = "text/event-stream"
        resp.set_header("X-Accel-Buffering", "no")
        resp.stream = self._viewers.stream(name, lambda: self._event(name))

    def trends(self, name: str) -> bytes:
        """The trends of a range as JSON, made anew after some seconds whoever asks."""
        self._check()
        made, body = self._kept.get(name, (0.0, b""))
        if not body or not 0 <= self._history.now - made < KEPT[name]:
            body = _json(self._trends.of(name))
            self._kept[name] = self._history.now, body
        return body

    def _event(self, name: str) -> bytes:
        point = _json(series.newest(self._history, RANGES[name][0]))
        return event(
            b'{"overview":%b,"point":%b,"alerts":%b}' % (self._overview.body(name), point, _json(self._alerts()))
        )

    def _check(self) -> None:
        if not self._is_on:
            raise GatewayError(ROUTE_NOT_FOUND, "The dashboard is turned off by `observability.dashboard`.")


def _json(found: Any) -> bytes:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def _range(req: falcon.Request) -> str:
    name = req.get_param("range") or "5m"
    if name not in RANGES:
        raise GatewayError(BAD_CHANGE, f"`range` is one of {', '.join(RANGES)}.")
    return name


class _Page:
    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str = PAGE) -> None:
        """Send the page or one of its files."""
        self._dashboard.file(req, resp, name)

    on_head = on_get


class _Live:
    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Send an event a second (text/event-stream): the overview of `range`, and the alerts."""
        self._dashboard.stream(resp, _range(req))


class _Trends:
    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Tell patterns and trends of `range`."""
        resp.content_type = falcon.MEDIA_JSON
        resp.data = self._dashboard.trends(_range(req))

    on_head = on_get


def components(world: CollectorContext, others: Sequence[Component]) -> list[Component]:
    """What the collector runs of it; it shows the overview and the alerts of `others`."""
    overview = next(each for each in others if isinstance(each, Overview))
    rows = next(each.alert_rows for each in others if isinstance(each, HasRows))
    return [Dashboard(world, overview, rows)]
